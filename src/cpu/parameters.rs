//! The parameters and their moments, which all graphs of an executor share.

use std::collections::HashMap;

use super::memory::{Memory, Span};
use crate::executor::{ParameterSpec, Snapshot};

/// Three arrays of one layout.
#[derive(Debug)]
pub(super) struct Parameters {
    values: Memory,
    m: Memory,
    v: Memory,
    /// Where each parameter begins and how long it is, in the order of the specs.
    places: Vec<(usize, usize)>,
    by_name: HashMap<String, usize>,
}

impl Parameters {
    /// Zeros for these parameters, each on a line of the cache.
    pub(super) fn new(specs: &[ParameterSpec]) -> Self {
        let mut len = 0;
        let place = |spec: &ParameterSpec| {
            let place = (len, spec.shape.len());
            len += spec.shape.len().next_multiple_of(Memory::LINE);
            place
        };
        let places: Vec<_> = specs.iter().map(place).collect();
        let names = specs.iter().map(|spec| spec.name.clone());
        Self {
            values: Memory::zeros(len),
            m: Memory::zeros(len),
            v: Memory::zeros(len),
            places,
            by_name: names.zip(0..).collect(),
        }
    }

    fn place(&self, name: &str) -> std::ops::Range<usize> {
        match self.by_name.get(name) {
            Some(&index) => {
                let (first, len) = self.places[index];
                first..first + len
            }
            None => unreachable!("the executor has no parameter {name}"),
        }
    }

    /// A parameter's values.
    pub(super) fn values(&self, name: &str) -> Span {
        self.values.span(self.place(name))
    }

    /// Its first and second moment.
    pub(super) fn moments(&self, name: &str) -> [Span; 2] {
        let place = self.place(name);
        [self.m.span(place.clone()), self.v.span(place)]
    }

    /// A copy of all.
    pub(super) fn snapshot(&self) -> Snapshot {
        let copy = |of: &Memory| {
            let places = self.places.iter();
            // SAFETY: nobody writes between runs.
            places
                .map(|&(first, len)| unsafe { of.span(first..first + len).read() }.to_vec())
                .collect()
        };
        Snapshot {
            parameters: copy(&self.values),
            m: copy(&self.m),
            v: copy(&self.v),
        }
    }

    /// Takes the values of a snapshot that [`Snapshot::check`] has found to belong to these parameters.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        let pairs = [
            (&mut self.values, &snapshot.parameters),
            (&mut self.m, &snapshot.m),
            (&mut self.v, &snapshot.v),
        ];
        for (memory, values) in pairs {
            for (&(first, len), values) in self.places.iter().zip(values) {
                memory.as_mut_slice()[first..first + len].copy_from_slice(values);
            }
        }
    }
}
