//! Shapes of one or two dimensions.

use std::fmt;

/// The dimensions of a tensor: `[n]` or `[rows, columns]`, row-major.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; 2],
    rank: usize,
}

impl Shape {
    /// `[n]` or `[rows, columns]` as a slice.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// Whether a dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first dimension.
    pub fn rows(&self) -> usize {
        self.dims[0]
    }

    /// Elements per row: 1 for a vector.
    pub fn columns(&self) -> usize {
        if self.rank == 2 { self.dims[1] } else { 1 }
    }
}

impl From<[usize; 1]> for Shape {
    fn from([n]: [usize; 1]) -> Self {
        Self {
            dims: [n, 1],
            rank: 1,
        }
    }
}

impl From<[usize; 2]> for Shape {
    fn from(dims: [usize; 2]) -> Self {
        Self { dims, rank: 2 }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}
