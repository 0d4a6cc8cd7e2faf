//! The values of images: bytes, or numbers as a file has them.

use std::fmt;

use super::Buffer;

/// The pixels of images that follow one another.
#[derive(Clone, PartialEq)]
pub enum Pixels {
    /// Grey, 0 black and 255 white; a model sees them as 0 to 1.
    Bytes(Buffer<u8>),
    /// Numbers; a model sees them as they are.
    Floats(Buffer<f32>),
}

/// Values that are looked at in one piece, of those that may lie in a file.
pub(super) const PIECE: usize = 1 << 20;

/// The same expression for either kind.
macro_rules! either {
    ($pixels:expr, $values:ident => $result:expr) => {
        match $pixels {
            $crate::data::Pixels::Bytes($values) => $result,
            $crate::data::Pixels::Floats($values) => $result,
        }
    };
}
pub(super) use either;

impl Pixels {
    /// How many there are.
    pub fn len(&self) -> usize {
        either!(self, values => values.len())
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> u64 {
        either!(self, values => size_of_val(&**values) as u64)
    }

    /// Bytes of them that lie in a file and not in memory.
    pub(super) fn bytes_in_files(&self) -> u64 {
        if self.is_mapped() { self.bytes() } else { 0 }
    }

    /// Whether they lie in a file.
    pub fn is_mapped(&self) -> bool {
        either!(self, values => values.is_mapped())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mean of each of the `dim` pixels of an image over all images; bytes count as 0 to 1.
    pub(super) fn means(&self, dim: usize) -> Vec<f64> {
        let unit = match self {
            Self::Bytes(_) => 255.0,
            Self::Floats(_) => 1.0,
        };
        either!(self, values => {
            let mut sums = vec![0.0; dim];
            let dim = dim.max(1);
            let images = values.pieces((PIECE / dim).max(1) * dim);
            for image in images.flat_map(|piece| piece.chunks_exact(dim)) {
                for (sum, &pixel) in sums.iter_mut().zip(image) {
                    *sum += f64::from(pixel);
                }
            }
            let all = unit * (values.len() / dim) as f64;
            sums.into_iter().map(|sum| sum / all).collect()
        })
    }

    /// The bytes, if that is what they are.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Floats(_) => None,
        }
    }

    /// The numbers, if that is what they are.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match self {
            Self::Bytes(_) => None,
            Self::Floats(floats) => Some(floats),
        }
    }

    /// What a model without a normalisation sees: bytes as 0 to 1, numbers as they are.
    pub fn to_values(&self) -> Vec<f32> {
        match self {
            Self::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect(),
            Self::Floats(floats) => floats.to_vec(),
        }
    }

    /// The least and the greatest of what [`Pixels::to_values`] gives; `None` where there is none.
    pub fn range(&self) -> Option<[f32; 2]> {
        let wider = |[min, max]: [f32; 2], value: f32| [min.min(value), max.max(value)];
        match self {
            Self::Bytes(bytes) => {
                let ends = |piece: &[u8]| Some([*piece.iter().min()?, *piece.iter().max()?]);
                let ends = bytes.pieces(PIECE).filter_map(ends);
                let ends = ends.reduce(|[min, max], [low, high]| [min.min(low), max.max(high)]);
                Some(ends?.map(|byte| f32::from(byte) / 255.0))
            }
            Self::Floats(floats) => {
                let first = *floats.first()?;
                let floats = floats.pieces(PIECE).flatten().copied();
                Some(floats.fold([first, first], wider))
            }
        }
    }

    /// A copy of the first `len`.
    pub(super) fn first(&self, len: usize) -> Self {
        match self {
            Self::Bytes(bytes) => bytes.head(len).into(),
            Self::Floats(floats) => floats.head(len).into(),
        }
    }
}

// As with images: millions of them help nobody.
impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Bytes(_) => "bytes",
            Self::Floats(_) => "floats",
        };
        write!(f, "{} {kind}", self.len())
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats.into())
    }
}

impl From<Buffer<u8>> for Pixels {
    fn from(bytes: Buffer<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Buffer<f32>> for Pixels {
    fn from(floats: Buffer<f32>) -> Self {
        Self::Floats(floats)
    }
}

#[cfg(test)]
mod tests {
    use super::Pixels;

    #[test]
    fn a_range_is_of_what_a_model_sees() {
        assert_eq!(Pixels::from(vec![51_u8, 0, 255]).range(), Some([0.0, 1.0]));
        assert_eq!(Pixels::from(vec![51_u8]).range(), Some([0.2, 0.2]));
        assert_eq!(
            Pixels::from(vec![3.0_f32, -1.5, 2.0]).range(),
            Some([-1.5, 3.0])
        );
        assert_eq!(Pixels::from(Vec::<f32>::new()).range(), None);
    }
}
