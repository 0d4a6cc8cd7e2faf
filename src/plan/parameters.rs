//! The parameters on the GPU: in one buffer, or in as few as its bindings' size allows (the shards),
//! and beside each gradients and moments of the same layout, so that the optimiser is one launch a
//! shard.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;

use super::shards::{Block, Layout};
use crate::executor::{ExecutorError, ParameterSpec, Snapshot};
use crate::gpu::{Gpu, GpuError, Slice};

/// Where each parameter lies, and the buffers.
#[derive(Debug)]
pub(super) struct Parameters {
    specs: Vec<ParameterSpec>,
    layout: Layout,
    index: HashMap<String, usize>,
    values: Vec<Slice>,
    optimizer: Option<Optimizer>,
    gradients: Option<Vec<Slice>>,
}

/// What only training needs: of each, a buffer for every shard.
#[derive(Clone, Debug)]
pub(super) struct Optimizer {
    pub(super) m: Vec<Slice>,
    pub(super) v: Vec<Slice>,
}

/// Rows of a tensor, and where they lie.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    pub(super) slice: Slice,
}

/// The most words that the host copies at a time.
const CHUNK: usize = 1 << 24;

impl Parameters {
    /// Room for the parameters, zeroed.
    pub(super) fn new(gpu: &Gpu, specs: Vec<ParameterSpec>) -> Result<Self, GpuError> {
        // The host's copy is one of values and moments.
        check_memory(gpu, &specs, 3 + 1)?;
        let shapes: Vec<_> = specs.iter().map(|spec| spec.shape).collect();
        let limit = gpu.largest_binding() / 4;
        let layout = Layout::new(&shapes, limit as usize).map_err(|index| {
            let ParameterSpec { name, shape, .. } = &specs[index];
            GpuError::TooLarge {
                what: format!("the parameter {name} of shape {shape}"),
                bytes: 4 * shape.len() as u64,
                limit: 4 * limit,
                adapter: gpu.adapter().name.clone(),
                remedy: format!(
                    "at most {} inputs a unit would fit: use smaller layers",
                    limit / Slice::ALIGNMENT as u64
                ),
            }
        })?;
        let index = specs
            .iter()
            .enumerate()
            .map(|(i, s)| (s.name.clone(), i))
            .collect();
        let values = allocate(gpu, "the parameters", &layout)?;
        Ok(Self {
            specs,
            layout,
            index,
            values,
            optimizer: None,
            gradients: None,
        })
    }

    pub(super) fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// All values, with the gaps between parameters.
    pub(super) fn shards(&self) -> &[Slice] {
        &self.values
    }

    /// All values, where they lie in one buffer.
    pub(super) fn single(&self) -> Option<&Slice> {
        match self.values.as_slice() {
            [values] => Some(values),
            _ => None,
        }
    }

    /// Room for gradients, made when the first plan asks for it: two launches need none.
    pub(super) fn gradients(&mut self, gpu: &Gpu) -> Result<Vec<Slice>, GpuError> {
        if let Some(gradients) = &self.gradients {
            return Ok(gradients.clone());
        }
        let gradients = allocate(gpu, "the gradients", &self.layout)?;
        Ok(self.gradients.insert(gradients).clone())
    }

    /// What room there is for gradients, without making any.
    pub(super) fn gradients_made(&self) -> &[Slice] {
        self.gradients.as_deref().unwrap_or_default()
    }

    /// The moments' buffers, without making any.
    pub(super) fn moments_made(&self) -> impl Iterator<Item = &Slice> {
        let made = self.optimizer.iter();
        made.flat_map(|moments| moments.m.iter().chain(&moments.v))
    }

    /// The moments, made when the first training graph asks for them.
    pub(super) fn optimizer(&mut self, gpu: &Gpu) -> Result<Optimizer, GpuError> {
        if let Some(optimizer) = &self.optimizer {
            return Ok(optimizer.clone());
        }
        check_memory(gpu, &self.specs, 3 + 4)?;
        let optimizer = Optimizer {
            m: allocate(gpu, "Adam's first moments", &self.layout)?,
            v: allocate(gpu, "Adam's second moments", &self.layout)?,
        };
        Ok(self.optimizer.insert(optimizer).clone())
    }

    /// Where a parameter starts, in its first shard.
    pub(super) fn offset(&self, name: &str) -> Option<usize> {
        Some(self.blocks(name)?.first()?.at)
    }

    /// A parameter's parts of buffers of this layout.
    pub(super) fn parts(&self, of: &[Slice], name: &str) -> Option<Vec<Part>> {
        let part = |block: &Block| Part {
            rows: block.rows.clone(),
            slice: of[block.shard].part(block.at, block.len),
        };
        Some(self.blocks(name)?.iter().map(part).collect())
    }

    /// A parameter's blocks.
    pub(super) fn blocks(&self, name: &str) -> Option<&[Block]> {
        let &index = self.index.get(name)?;
        Some(&self.layout.blocks[index])
    }

    pub(super) fn snapshot(&self, gpu: &Gpu) -> Result<Snapshot, ExecutorError> {
        let moments = |of: Option<&Vec<Slice>>| match of {
            Some(of) => self.read(gpu, of),
            None => Ok(self.zeros()),
        };
        let optimizer = self.optimizer.as_ref();
        Ok(Snapshot {
            parameters: self.read(gpu, &self.values)?,
            m: moments(optimizer.map(|optimizer| &optimizer.m))?,
            v: moments(optimizer.map(|optimizer| &optimizer.v))?,
        })
    }

    pub(super) fn restore(&mut self, gpu: &Gpu, snapshot: &Snapshot) -> Result<(), ExecutorError> {
        snapshot.check(&self.specs)?;
        self.write(gpu, &self.values, &snapshot.parameters)?;
        let untouched = |parts: &[Vec<f32>]| parts.iter().flatten().all(|&value| value == 0.0);
        if self.optimizer.is_some() || !untouched(&snapshot.m) || !untouched(&snapshot.v) {
            let optimizer = self.optimizer(gpu)?;
            self.write(gpu, &optimizer.m, &snapshot.m)?;
            self.write(gpu, &optimizer.v, &snapshot.v)?;
        }
        Ok(())
    }

    fn zeros(&self) -> Vec<Vec<f32>> {
        let specs = self.specs.iter();
        specs.map(|spec| vec![0.0; spec.shape.len()]).collect()
    }

    /// The values of each parameter in buffers of this layout.
    fn read(&self, gpu: &Gpu, of: &[Slice]) -> Result<Vec<Vec<f32>>, GpuError> {
        let mut values = self.zeros();
        for chunk in self.chunks() {
            let words = gpu.read::<f32>(&[&chunk.of(of)])?.swap_remove(0);
            for piece in self.pieces(&chunk) {
                values[piece.parameter][piece.values].copy_from_slice(&words[piece.words]);
            }
        }
        Ok(values)
    }

    /// Writes the values of each parameter to buffers of this layout.
    fn write(&self, gpu: &Gpu, to: &[Slice], values: &[Vec<f32>]) -> Result<(), GpuError> {
        let chunks = self.chunks();
        for chunk in &chunks {
            let mut words = vec![0f32; chunk.words.len()];
            for piece in self.pieces(chunk) {
                words[piece.words].copy_from_slice(&values[piece.parameter][piece.values]);
            }
            gpu.write(&chunk.of(to), &words);
            if chunks.len() > 1 {
                // Else the driver's copies of all chunks would wait for the next submission.
                let submission = gpu.submit(gpu.encoder());
                gpu.wait(Some(submission))?;
            }
        }
        Ok(())
    }

    /// All shards, in chunks that the host can copy.
    fn chunks(&self) -> Vec<Chunk> {
        let of_shard = |(shard, &len): (usize, &usize)| {
            let starts = (0..len).step_by(CHUNK);
            starts.map(move |start| Chunk {
                shard,
                words: start..len.min(start + CHUNK),
            })
        };
        let shards = self.layout.shards.iter().enumerate();
        shards.flat_map(of_shard).collect()
    }

    /// What of the parameters lies in a chunk.
    fn pieces(&self, chunk: &Chunk) -> impl Iterator<Item = Piece> {
        let parameters = self.specs.iter().zip(&self.layout.blocks).enumerate();
        parameters.flat_map(move |(parameter, (spec, blocks))| {
            let columns = spec.shape.columns();
            let inside = blocks.iter().filter(|block| block.shard == chunk.shard);
            inside.filter_map(move |block| {
                let start = block.at.max(chunk.words.start);
                let end = (block.at + block.len).min(chunk.words.end);
                let first = block.rows.start * columns;
                (start < end).then(|| Piece {
                    parameter,
                    values: first + start - block.at..first + end - block.at,
                    words: start - chunk.words.start..end - chunk.words.start,
                })
            })
        })
    }
}

/// Words of a shard that the host copies at once.
struct Chunk {
    shard: usize,
    words: Range<usize>,
}

impl Chunk {
    fn of(&self, shards: &[Slice]) -> Slice {
        shards[self.shard].part(self.words.start, self.words.len())
    }
}

/// Values of a parameter, and the words of a chunk where they lie.
struct Piece {
    parameter: usize,
    values: Range<usize>,
    words: Range<usize>,
}

fn allocate(gpu: &Gpu, what: &str, layout: &Layout) -> Result<Vec<Slice>, GpuError> {
    let total: usize = layout.shards.iter().sum();
    let all = |error| match error {
        GpuError::OutOfMemory { adapter, .. } => GpuError::OutOfMemory {
            what: format!("{what} ({total} values)"),
            bytes: 4 * total as u64,
            adapter,
        },
        other => other,
    };
    let shards = layout.shards.iter();
    shards
        .map(|&len| gpu.allocate(what, len).map_err(all))
        .collect()
}

/// Refuses what a software adapter's memory, which is the host's, can never hold: `copies` of all
/// values. The host grants buffers one by one beyond what it has, and kills who uses them; at once
/// it refuses.
fn check_memory(gpu: &Gpu, specs: &[ParameterSpec], copies: usize) -> Result<(), GpuError> {
    if !gpu.is_software() {
        return Ok(());
    }
    let values: usize = specs.iter().map(|spec| spec.shape.len()).sum();
    let bytes = values.saturating_mul(4 * copies);
    let mut probe: Vec<u8> = Vec::new();
    // Or the compiler would see that nothing uses it, and ask for nothing.
    match black_box(&mut probe).try_reserve_exact(bytes) {
        Ok(()) => Ok(()),
        Err(_) => Err(GpuError::OutOfMemory {
            what: format!("{copies} copies of the parameters ({values} values)"),
            bytes: bytes as u64,
            adapter: gpu.adapter().name.clone(),
        }),
    }
}
