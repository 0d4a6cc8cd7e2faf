//! The parameters on the GPU: all in one buffer, and beside it gradients and moments of the same
//! layout, so that the optimiser is one launch.

use std::collections::HashMap;

use crate::executor::{ExecutorError, ParameterSpec, Snapshot};
use crate::gpu::{Gpu, GpuError, Slice};

/// Where each parameter lies, and the buffers.
#[derive(Debug)]
pub(super) struct Parameters {
    specs: Vec<ParameterSpec>,
    offsets: Vec<usize>,
    index: HashMap<String, usize>,
    values: Slice,
    optimizer: Option<Optimizer>,
    gradients: Option<Slice>,
}

/// What only training needs.
#[derive(Clone, Debug)]
pub(super) struct Optimizer {
    pub(super) m: Slice,
    pub(super) v: Slice,
}

impl Parameters {
    /// Room for the parameters, zeroed.
    pub(super) fn new(gpu: &Gpu, specs: Vec<ParameterSpec>) -> Result<Self, GpuError> {
        let mut offsets = Vec::with_capacity(specs.len());
        let mut total = 0;
        for spec in &specs {
            offsets.push(total);
            total += spec.shape.len().next_multiple_of(Slice::ALIGNMENT);
        }
        let index = specs
            .iter()
            .enumerate()
            .map(|(i, s)| (s.name.clone(), i))
            .collect();
        let values = gpu
            .allocate("the parameters", total)
            .map_err(|error| match error {
                GpuError::TooLarge {
                    what,
                    bytes,
                    limit,
                    adapter,
                    ..
                } => GpuError::TooLarge {
                    what: format!("{what} ({total} values)"),
                    bytes,
                    limit,
                    adapter,
                    remedy: format!("at most {} values would fit: use smaller layers", limit / 4),
                },
                other => other,
            })?;
        Ok(Self {
            specs,
            offsets,
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
    pub(super) fn values(&self) -> &Slice {
        &self.values
    }

    /// Room for gradients, made when the first plan asks for it: two launches need none.
    pub(super) fn gradients(&mut self, gpu: &Gpu) -> Result<Slice, GpuError> {
        if let Some(gradients) = &self.gradients {
            return Ok(gradients.clone());
        }
        let gradients = gpu.allocate("the gradients", self.values.len())?;
        Ok(self.gradients.insert(gradients).clone())
    }

    /// The moments, made when the first training graph asks for them.
    pub(super) fn optimizer(&mut self, gpu: &Gpu) -> Result<Optimizer, GpuError> {
        if let Some(optimizer) = &self.optimizer {
            return Ok(optimizer.clone());
        }
        let len = self.values.len();
        let optimizer = Optimizer {
            m: gpu.allocate("Adam's first moments", len)?,
            v: gpu.allocate("Adam's second moments", len)?,
        };
        Ok(self.optimizer.insert(optimizer).clone())
    }

    /// Where a parameter starts in every buffer of this layout.
    pub(super) fn offset(&self, name: &str) -> Option<usize> {
        self.index.get(name).map(|&index| self.offsets[index])
    }

    /// A parameter's part of a buffer of this layout.
    pub(super) fn part(&self, of: &Slice, name: &str) -> Option<Slice> {
        let &index = self.index.get(name)?;
        Some(of.part(self.offsets[index], self.specs[index].shape.len()))
    }

    pub(super) fn snapshot(&self, gpu: &Gpu) -> Result<Snapshot, ExecutorError> {
        let unpack = |packed: &Vec<f32>| -> Vec<Vec<f32>> {
            let part = |(spec, &offset): (&ParameterSpec, &usize)| {
                packed[offset..offset + spec.shape.len()].to_vec()
            };
            self.specs.iter().zip(&self.offsets).map(part).collect()
        };
        Ok(match &self.optimizer {
            Some(Optimizer { m, v, .. }) => {
                // One after the other: three together may be more than one buffer can be.
                let read =
                    |slice| -> Result<_, ExecutorError> { Ok(unpack(&gpu.read(&[slice])?[0])) };
                Snapshot {
                    parameters: read(&self.values)?,
                    m: read(m)?,
                    v: read(v)?,
                }
            }
            None => {
                let packed = gpu.read(&[&self.values])?;
                let zeros: Vec<_> = self
                    .specs
                    .iter()
                    .map(|s| vec![0.0; s.shape.len()])
                    .collect();
                Snapshot {
                    parameters: unpack(&packed[0]),
                    m: zeros.clone(),
                    v: zeros,
                }
            }
        })
    }

    pub(super) fn restore(&mut self, gpu: &Gpu, snapshot: &Snapshot) -> Result<(), ExecutorError> {
        snapshot.check(&self.specs)?;
        let pack = |parts: &[Vec<f32>]| {
            let mut packed = vec![0f32; self.values.len()];
            for (part, &offset) in parts.iter().zip(&self.offsets) {
                packed[offset..offset + part.len()].copy_from_slice(part);
            }
            packed
        };
        gpu.write(&self.values, &pack(&snapshot.parameters));
        let untouched = |parts: &[Vec<f32>]| parts.iter().flatten().all(|&value| value == 0.0);
        if self.optimizer.is_some() || !untouched(&snapshot.m) || !untouched(&snapshot.v) {
            let (m, v) = (pack(&snapshot.m), pack(&snapshot.v));
            let optimizer = self.optimizer(gpu)?;
            gpu.write(&optimizer.m, &m);
            gpu.write(&optimizer.v, &v);
        }
        Ok(())
    }
}
