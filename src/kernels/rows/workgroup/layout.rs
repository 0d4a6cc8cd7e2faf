//! Where tensors lie in workgroup memory.

use std::collections::HashMap;

use super::super::{Outcome, Stage, Tensor};
use super::Tile;

/// Where a stage's operands start in workgroup memory, in vectors of four columns: [`ON_TAPE`]
/// where they are not there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Places {
    input: u32,
    addend: u32,
    g_output: u32,
    output: u32,
    observed: u32,
    /// Whether the input is to be taken from the tape first.
    fetch: u32,
    padding: [u32; 2],
}

const ON_TAPE: u32 = u32::MAX;

/// Where the tensors of a launch lie in workgroup memory: those that one of its stages writes for
/// another, and, if they are staged, the inputs of products. Others are on the tape alone.
pub(super) struct Layout {
    /// By where they start on the tape.
    places: HashMap<usize, Place>,
    /// Vectors that they take together.
    vectors: usize,
}

/// A tensor's place.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// The stage from which on it is there.
    first: usize,
    /// The last that reads it there.
    last: usize,
    /// Whether it comes from the tape.
    fetched: bool,
}

impl Layout {
    /// Each tensor at the first place that is free from the stage that writes or fetches it to the
    /// last that reads it.
    pub(super) fn of(stages: &[Stage], tile: Tile) -> Self {
        let mut layout = Self {
            places: HashMap::new(),
            vectors: 0,
        };
        for (first, stage) in stages.iter().enumerate() {
            let input = stage.product_input().filter(|_| tile.staged);
            let written = stage.writes().into_iter().map(|tensor| (tensor, false));
            for (tensor, fetched) in input.map(|x| (x, true)).into_iter().chain(written) {
                let here = |operand: &Tensor| operand.at == tensor.at;
                let reads = |stage: &Stage| operands(stage).iter().flatten().any(here);
                let last = stages.iter().rposition(reads).unwrap_or(0);
                if layout.places.contains_key(&tensor.at) || (!fetched && last <= first) {
                    continue;
                }
                let len = tile.rows * tensor.of.div_ceil(4);
                let start = layout.free(first, len);
                let end = start + len;
                layout.vectors = layout.vectors.max(end);
                let place = Place {
                    start,
                    end,
                    first,
                    last,
                    fetched,
                };
                layout.places.insert(tensor.at, place);
            }
        }
        layout
    }

    /// The start of the first `len` vectors that are free from a stage on.
    fn free(&self, stage: usize, len: usize) -> usize {
        let taken = self.places.values().filter(|place| place.last >= stage);
        let mut taken: Vec<_> = taken.map(|place| (place.start, place.end)).collect();
        taken.sort_unstable();
        let mut free = 0;
        for (start, end) in taken {
            if free + len <= start {
                break;
            }
            free = free.max(end);
        }
        free
    }

    /// Vectors of workgroup memory: whole KiB, since each number of them is a pipeline to compile.
    pub(super) fn vectors(&self) -> usize {
        self.vectors.max(1).next_multiple_of(64)
    }

    /// Where a tensor starts, if it has a place.
    #[cfg(test)]
    pub(super) fn start(&self, tensor: Tensor) -> Option<usize> {
        self.places.get(&tensor.at).map(|place| place.start)
    }

    /// A tensor's place at a stage, if it has one there.
    fn place(&self, stage: usize, tensor: Option<Tensor>) -> Option<&Place> {
        let place = self.places.get(&tensor?.at)?;
        (place.first <= stage).then_some(place)
    }

    /// The places of a stage's operands; stages count from the launch's first.
    pub(super) fn places(&self, index: usize, stage: &Stage) -> Places {
        let at = |tensor: Option<Tensor>| {
            let place = self.place(index, tensor);
            place.map_or(ON_TAPE, |place| place.start as u32)
        };
        let [input, addend, g_output, observed] = operands(stage);
        let output = stage.writes().first().copied();
        let fetched = self.place(index, stage.product_input());
        let fetched = fetched.is_some_and(|place| place.fetched && place.first == index);
        Places {
            input: at(input),
            addend: at(addend),
            g_output: at(g_output),
            output: at(output),
            observed: at(observed),
            fetch: fetched.into(),
            padding: [0; 2],
        }
    }
}

/// What a stage reads: input, addend, g_output and observed, as the shader calls them.
fn operands(stage: &Stage) -> [Option<Tensor>; 4] {
    match *stage {
        Stage::Gather { .. } => [None; 4],
        Stage::Labels { y, .. } => [Some(y), None, None, None],
        Stage::Product(p) => {
            let observed = match p.result {
                Outcome::Stored(_) => None,
                Outcome::Scored { observed, .. } => Some(observed),
            };
            let g_output = p.derivative.map(|(_, output)| output);
            [Some(p.input), p.addend, g_output, observed]
        }
        Stage::Latent { heads, .. } => [Some(heads), None, None, None],
        Stage::LatentGrad { heads, d_z, .. } => [Some(heads), Some(d_z), None, None],
    }
}

impl Stage {
    /// What a product multiplies.
    pub(super) fn product_input(&self) -> Option<Tensor> {
        match self {
            Self::Product(product) => Some(product.input),
            _ => None,
        }
    }
}
