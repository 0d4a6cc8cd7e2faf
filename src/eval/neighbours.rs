//! The class of a point by those of its nearest neighbours (Cover and Hart, *Nearest Neighbor Pattern
//! Classification*, 1967): how well a latent keeps images of a class together.

use std::thread;

/// Neighbours that vote.
pub const NEIGHBOURS: usize = 5;

/// Points with a class each.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// `[count, dims]`.
    pub points: &'a [f32],
    /// `[count]`.
    pub classes: &'a [u8],
}

/// The class of each of the `points [n, dims]`: that of most of the [`NEIGHBOURS`] known points nearest to it, by
/// Euclidean distance; of classes with as many votes the least, and of known points as near the earlier ones. Where a
/// coordinate is not finite there is no distance, and the point counts as the farthest.
///
/// # Panics
/// Where there are no known points, or not as many classes.
pub fn nearest_classes(known: Known<'_>, points: &[f32], dims: usize) -> Vec<u8> {
    let count = known.points.len() / dims.max(1);
    assert!(
        count > 0 && count == known.classes.len(),
        "classes of other points"
    );
    let blocks = Blocks::of(known, dims);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let rows = points.len() / dims;
    let share = rows.div_ceil(threads).max(1) * dims;
    thread::scope(|scope| {
        let blocks = &blocks;
        let parts = points.chunks(share);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.chunks(dims).map(|p| blocks.class(p)).collect()))
            .collect();
        let found = parts.into_iter().map(|part| part.join());
        found
            .flat_map(|part: thread::Result<Vec<u8>>| {
                part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// Known points whose distances are computed side by side.
const LANES: usize = 16;

/// Known points in blocks, `[blocks, dims, LANES]`, so that vectors hold a coordinate of several of them.
struct Blocks<'a> {
    coordinates: Vec<[f32; LANES]>,
    classes: &'a [u8],
}

impl<'a> Blocks<'a> {
    fn of(known: Known<'a>, dims: usize) -> Self {
        let block = |points: &[f32]| {
            let lane = |dim: usize| {
                std::array::from_fn(|lane| points.get(lane * dims + dim).copied().unwrap_or(0.0))
            };
            (0..dims).map(lane).collect::<Vec<_>>()
        };
        Self {
            coordinates: known.points.chunks(LANES * dims).flat_map(block).collect(),
            classes: known.classes,
        }
    }

    /// The class of one point.
    fn class(&self, point: &[f32]) -> u8 {
        // Nearest first; a handful, kept in order by insertion.
        let mut nearest: Vec<(f32, u8)> = Vec::with_capacity(NEIGHBOURS + 1);
        let blocks = self.coordinates.chunks(point.len());
        for (block, classes) in blocks.zip(self.classes.chunks(LANES)) {
            let mut distances = [0.0f32; LANES];
            for (&a, others) in point.iter().zip(block) {
                for (distance, b) in distances.iter_mut().zip(others) {
                    *distance += (a - b) * (a - b);
                }
            }
            for (&distance, &class) in distances.iter().zip(classes) {
                let distance = if distance.is_nan() {
                    f32::INFINITY
                } else {
                    distance
                };
                if nearest.len() == NEIGHBOURS && distance >= nearest[NEIGHBOURS - 1].0 {
                    continue;
                }
                let place = nearest.partition_point(|(of, _)| *of <= distance);
                nearest.insert(place, (distance, class));
                nearest.truncate(NEIGHBOURS);
            }
        }
        let mut votes = [0; 256];
        for (_, class) in &nearest {
            votes[usize::from(*class)] += 1;
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        votes.iter().position(|&of| of == most).unwrap_or(0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_nearest_five_decide() {
        let points = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 5.3, 0.3, f32::NAN];
        let classes = [3, 3, 1, 1, 2, 2, 2, 1, 3];
        let known = Known {
            points: &points,
            classes: &classes,
        };
        // Of 3, 3, 1, 1 and one at 5.0 of class 1: three against two.
        assert_eq!(nearest_classes(known, &[0.0, 5.2, 9.0], 1), [1, 2, 2]);
        // As many votes of both: the least class.
        let known = Known {
            points: &points[..4],
            classes: &classes[..4],
        };
        assert_eq!(nearest_classes(known, &[0.0], 1), [1]);
        assert_eq!(nearest_classes(known, &[], 1), [0u8; 0]);
    }
}
