//! In which order works run, and where their tensors lie.
//!
//! Works are sorted into levels: one that reads what another writes comes on a later level. All items of a
//! level may run at once, and all are done before the next level begins. A tensor's place is free for
//! others after the last level that reads it.

use std::collections::HashMap;
use std::ops::Range;

use super::memory::Memory;
use crate::graph::TensorId;

/// What a work reads and writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    pub(super) reads: Vec<TensorId>,
    pub(super) writes: Vec<TensorId>,
}

/// The level of each work, given in an order in which they could run one by one.
pub(super) fn levels(works: &[Access]) -> Vec<usize> {
    let mut written: HashMap<TensorId, usize> = HashMap::new();
    let level = |work: &Access| {
        let before = work.reads.iter().filter_map(|id| written.get(id));
        let level = before.map(|level| level + 1).max().unwrap_or(0);
        for &id in &work.writes {
            written.insert(id, level);
        }
        level
    };
    works.iter().map(level).collect()
}

/// Where tensors lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Of each tensor that the works write.
    pub(super) places: HashMap<TensorId, Range<usize>>,
    /// Values in all.
    pub(super) len: usize,
}

/// Places for what the works write, by lifetimes; what `kept` says is there until the end. `len` gives
/// a tensor's values.
pub(super) fn layout(
    works: &[Access],
    levels: &[usize],
    kept: impl Fn(TensorId) -> bool,
    len: impl Fn(TensorId) -> usize,
) -> Layout {
    let end = levels.iter().max().map_or(0, |last| last + 1);
    let mut lives: HashMap<TensorId, Range<usize>> = HashMap::new();
    for (work, &level) in works.iter().zip(levels) {
        for &id in &work.writes {
            lives.insert(id, level..level);
        }
    }
    for (work, &level) in works.iter().zip(levels) {
        for id in &work.reads {
            if let Some(life) = lives.get_mut(id) {
                life.end = life.end.max(level);
            }
        }
    }
    let mut tensors: Vec<_> = lives.into_iter().collect();
    for (id, life) in &mut tensors {
        if kept(*id) {
            life.end = end;
        }
    }
    // Large ones first, so that small ones fill the gaps; equal ones by their numbers.
    tensors.sort_by_key(|(id, _)| (std::cmp::Reverse(len(*id)), *id));
    let mut placed: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut layout = Layout::default();
    for (id, life) in tensors {
        let size = len(id).next_multiple_of(Memory::LINE);
        let meets = |other: &Range<usize>| other.start <= life.end && life.start <= other.end;
        let mut taken: Vec<_> = placed
            .iter()
            .filter(|(other, _)| meets(other))
            .map(|(_, place)| place.clone())
            .collect();
        taken.sort_by_key(|place| place.start);
        let mut first = 0;
        for place in taken {
            if first + size <= place.start {
                break;
            }
            first = first.max(place.end);
        }
        placed.push((life, first..first + size));
        layout.len = layout.len.max(first + size);
        layout.places.insert(id, first..first + len(id));
    }
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(reads: &[usize], writes: &[usize]) -> Access {
        let ids = |numbers: &[usize]| numbers.iter().map(|&n| TensorId(n)).collect();
        Access {
            reads: ids(reads),
            writes: ids(writes),
        }
    }

    /// A chain with a side branch: 0 → 1 → 2 → 3, and 4 from 1, read at the end with 3.
    fn works() -> Vec<Access> {
        vec![
            access(&[], &[0]),
            access(&[0], &[1]),
            access(&[1], &[2]),
            access(&[1], &[4]),
            access(&[2], &[3]),
            access(&[3, 4], &[5]),
        ]
    }

    #[test]
    fn a_work_comes_after_what_it_reads() {
        assert_eq!(levels(&works()), [0, 1, 2, 2, 3, 4]);
    }

    #[test]
    fn tensors_share_a_place_when_they_do_not_live_together() {
        let works = works();
        let levels = levels(&works);
        let layout = layout(&works, &levels, |id| id.index() == 5, |_| 100);
        let place = |n: usize| layout.places[&TensorId(n)].clone();
        let apart = |a: Range<usize>, b: Range<usize>| a.end <= b.start || b.end <= a.start;
        for (a, b) in [
            (0, 1),
            (1, 2),
            (1, 4),
            (2, 4),
            (2, 3),
            (3, 4),
            (3, 5),
            (4, 5),
        ] {
            assert!(apart(place(a), place(b)), "{a} and {b} live at once");
        }
        assert_eq!(
            layout.len,
            3 * 112,
            "three at a time, on lines of the cache"
        );
    }
}
