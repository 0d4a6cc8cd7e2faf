//! Where parameters lie: in as few buffers as a binding's size allows, a weight that is larger than
//! one cut into blocks of rows.

use std::ops::Range;

use crate::gpu::Slice;
use crate::graph::Shape;

/// Rows of a parameter that lie in one shard: all of them, or a block of a weight's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The rows: of a weight its outputs, of a bias its elements.
    pub(super) rows: Range<usize>,
    /// The buffer.
    pub(super) shard: usize,
    /// Its first word in the shard.
    pub(super) at: usize,
    /// Its words.
    pub(super) len: usize,
}

/// The blocks of each parameter, and the words of each shard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) blocks: Vec<Vec<Block>>,
    pub(super) shards: Vec<usize>,
}

impl Layout {
    /// Lays out parameters of these shapes in shards of at most `limit` words: one shard where all
    /// fit, each block in the first that has room.
    ///
    /// A block starts at a multiple of [`Slice::ALIGNMENT`] rows, so that a kernel can be given the
    /// columns of an activation, or the elements of a bias, that belong to it.
    ///
    /// # Errors
    /// The number of the first parameter that cannot be laid out: a vector that does not fit, or
    /// rows so long that not even the shortest block does.
    pub(super) fn new(shapes: &[Shape], limit: usize) -> Result<Self, usize> {
        let mut layout = Self::default();
        for (index, shape) in shapes.iter().enumerate() {
            let step = rows_of_a_block(*shape, limit).ok_or(index)?;
            let mut blocks = Vec::new();
            let mut start = 0;
            // A parameter of no rows has a block too.
            while start < shape.rows() || blocks.is_empty() {
                let end = shape.rows().min(start + step);
                blocks.push(layout.place(start..end, (end - start) * shape.columns(), limit));
                start = end;
            }
            layout.blocks.push(blocks);
        }
        if layout.shards.is_empty() {
            layout.shards.push(0);
        }
        Ok(layout)
    }

    fn place(&mut self, rows: Range<usize>, len: usize, limit: usize) -> Block {
        let room = len.next_multiple_of(Slice::ALIGNMENT);
        let fits = |&used: &usize| used + room <= limit;
        let shard = self.shards.iter().position(fits).unwrap_or_else(|| {
            self.shards.push(0);
            self.shards.len() - 1
        });
        let at = self.shards[shard];
        self.shards[shard] += room;
        Block {
            rows,
            shard,
            at,
            len,
        }
    }
}

/// How many rows of a parameter a block has at the most; `None` where nothing fits.
fn rows_of_a_block(shape: Shape, limit: usize) -> Option<usize> {
    if shape.len().next_multiple_of(Slice::ALIGNMENT) <= limit {
        return Some(shape.rows().max(1));
    }
    let aligned = limit / shape.columns() / Slice::ALIGNMENT * Slice::ALIGNMENT;
    (shape.dims().len() == 2 && aligned > 0).then_some(aligned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(shapes: &[Shape], limit: usize) -> Layout {
        let layout = Layout::new(shapes, limit).unwrap();
        check(shapes, limit, &layout);
        layout
    }

    /// Every row lies once, in a shard, at an aligned place; shards are within the limit, and
    /// nothing overlaps.
    fn check(shapes: &[Shape], limit: usize, layout: &Layout) {
        assert_eq!(layout.blocks.len(), shapes.len());
        let mut taken: Vec<Vec<Range<usize>>> = vec![Vec::new(); layout.shards.len()];
        for (shape, blocks) in shapes.iter().zip(&layout.blocks) {
            let mut next = 0;
            for block in blocks {
                assert_eq!(block.rows.start, next, "{shape}");
                assert_eq!(block.len, block.rows.len() * shape.columns());
                assert!(block.at.is_multiple_of(Slice::ALIGNMENT));
                assert!(block.rows.start.is_multiple_of(Slice::ALIGNMENT));
                next = block.rows.end;
                taken[block.shard].push(block.at..block.at + block.len);
            }
            assert_eq!(next, shape.rows(), "{shape}");
        }
        for (ranges, &words) in taken.iter_mut().zip(&layout.shards) {
            assert!(words <= limit);
            ranges.sort_by_key(|range| range.start);
            assert!(ranges.iter().all(|range| range.end <= words));
            assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }

    #[test]
    fn what_fits_lies_in_one_shard_in_its_order() {
        let shapes = [[3, 37].into(), [3].into(), [2, 3].into()];
        let layout = layout(&shapes, 256);
        assert_eq!(layout.shards, [256]);
        let at: Vec<_> = layout.blocks.iter().map(|blocks| blocks[0].at).collect();
        assert_eq!(at, [0, 128, 192]);
    }

    #[test]
    fn a_gap_is_filled_before_a_shard_is_added() {
        let shapes = [[3, 64].into(), [2, 64].into(), [60].into()];
        let layout = layout(&shapes, 256);
        assert_eq!(layout.shards, [256, 128]);
        assert_eq!(layout.blocks[2][0].shard, 0);
    }

    #[test]
    fn a_weight_larger_than_a_shard_is_cut_by_rows() {
        // 128 rows of five: 640 words.
        let layout = layout(&[[300, 5].into(), [300].into()], 700);
        let rows: Vec<_> = layout.blocks[0].iter().map(|b| b.rows.clone()).collect();
        assert_eq!(rows, [0..128, 128..256, 256..300]);
        assert_eq!(layout.blocks[1].len(), 1);
        assert_eq!(layout.shards, [640, 640, 576]);
    }

    #[test]
    fn what_cannot_be_cut_is_named() {
        assert_eq!(Layout::new(&[[1].into(), [300].into()], 256), Err(1));
        assert_eq!(Layout::new(&[[65, 5].into()], 256), Err(0));
        assert!(Layout::new(&[[65, 4].into()], 256).is_ok());
    }

    #[test]
    fn nothing_is_laid_out_too() {
        assert_eq!(Layout::new(&[], 64).unwrap().shards, [0]);
        assert_eq!(layout(&[[0, 5].into()], 64).blocks[0][0].rows, 0..0);
    }

    #[test]
    fn layers_of_a_model_of_many_sizes() {
        for limit in [640, 1024, 4096, 1 << 20] {
            let shapes = [
                [200, 9].into(),
                [200].into(),
                [150, 10].into(),
                [150].into(),
                [9, 64].into(),
            ];
            layout(&shapes, limit);
        }
    }
}
