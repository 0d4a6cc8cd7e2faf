//! The values of images: bytes, or numbers as a file has them.

use std::fmt;

/// The pixels of images that follow one another.
#[derive(Clone, PartialEq)]
pub enum Pixels {
    /// Grey, 0 black and 255 white; a model sees them as 0 to 1.
    Bytes(Vec<u8>),
    /// Numbers; a model sees them as they are.
    Floats(Vec<f32>),
}

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
            for image in values.chunks_exact(dim.max(1)) {
                for (sum, &pixel) in sums.iter_mut().zip(image) {
                    *sum += f64::from(pixel);
                }
            }
            let all = unit * (values.len() / dim.max(1)) as f64;
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
            Self::Floats(floats) => floats.clone(),
        }
    }

    /// The least and the greatest of what [`Pixels::to_values`] gives; `None` where there is none.
    pub fn range(&self) -> Option<[f32; 2]> {
        let wider = |[min, max]: [f32; 2], value: f32| [min.min(value), max.max(value)];
        match self {
            Self::Bytes(bytes) => {
                let [min, max] = [bytes.iter().min()?, bytes.iter().max()?];
                Some([min, max].map(|&byte| f32::from(byte) / 255.0))
            }
            Self::Floats(floats) => {
                let (&first, rest) = floats.split_first()?;
                Some(rest.iter().copied().fold([first, first], wider))
            }
        }
    }

    /// A copy of the first `len`.
    pub(super) fn first(&self, len: usize) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes[..len].to_vec()),
            Self::Floats(floats) => Self::Floats(floats[..len].to_vec()),
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
        Self::Bytes(bytes)
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats)
    }
}

#[cfg(test)]
mod tests {
    use super::Pixels;

    #[test]
    fn a_range_is_of_what_a_model_sees() {
        assert_eq!(Pixels::Bytes(vec![51, 0, 255]).range(), Some([0.0, 1.0]));
        assert_eq!(Pixels::Bytes(vec![51]).range(), Some([0.2, 0.2]));
        assert_eq!(
            Pixels::Floats(vec![3.0, -1.5, 2.0]).range(),
            Some([-1.5, 3.0])
        );
        assert_eq!(Pixels::Floats(Vec::new()).range(), None);
    }
}
