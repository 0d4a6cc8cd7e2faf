//! How the tensors of a file differ from those of a model.

use std::fmt;

use super::Names;
use crate::checkpoint::Foreign;
use crate::executor::ParameterSpec;

/// Everything in which a file's tensors are not those of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs, in the order of the model's parameters; what the model has not comes last.
    pub faults: Vec<Fault>,
    /// The sizes that the file's tensors are of, where they are of others than the model's and say so.
    pub sizes: Option<Sizes>,
}

/// A tensor that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The model has it and the file has not.
    Missing {
        /// Its name in the model.
        ours: String,
        /// What it was looked for as.
        theirs: String,
        /// The model's shape.
        shape: Vec<usize>,
    },
    /// The file has it in another shape.
    Misshapen {
        /// Its name in the model.
        ours: String,
        /// Its name in the file.
        theirs: String,
        /// The model's shape.
        shape: Vec<usize>,
        /// That in the file.
        found: Vec<usize>,
    },
    /// The file has it, and not of floats.
    NoFloats {
        /// Its name in the model.
        ours: String,
        /// Its name in the file.
        theirs: String,
        /// The element type in the file, as safetensors spells it.
        dtype: String,
    },
    /// The file has it and the model has not.
    Extra {
        /// Its name in the file.
        theirs: String,
        /// Its shape there.
        found: Vec<usize>,
    },
}

/// Sizes of a model, as the shapes of its tensors say them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Units of the encoder's hidden layers.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent.
    pub latent: usize,
}

impl Sizes {
    /// Those of a file, as far as it has the encoder's tensors.
    pub fn of(foreign: &Foreign, names: &Names) -> Option<Self> {
        let rows = |ours: &str| {
            let tensor = foreign.tensors.get(&names.theirs(ours))?;
            (tensor.shape.len() == 2).then(|| tensor.shape[0])
        };
        let layers = (0..).map_while(|layer| rows(&format!("encoder.hidden.{layer}.weight")));
        let hidden: Vec<_> = layers.collect();
        let latent = rows("encoder.mu.weight")?;
        (!hidden.is_empty()).then_some(Self { hidden, latent })
    }

    /// Those of a model.
    pub(super) fn of_model(specs: &[ParameterSpec]) -> Option<Self> {
        let rows = |name: &str| {
            let spec = specs.iter().find(|spec| spec.name == name)?;
            Some(spec.shape.rows())
        };
        let layers = (0..).map_while(|layer| rows(&format!("encoder.hidden.{layer}.weight")));
        let hidden = layers.collect();
        let latent = rows("encoder.mu.weight")?;
        Some(Self { hidden, latent })
    }
}

/// The most faults that a message lists.
const LISTED: usize = 24;

impl fmt::Display for Mismatch {
    /// A line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its tensors are not those of this model:")?;
        for fault in self.faults.iter().take(LISTED) {
            write!(f, "\n  {fault}")?;
        }
        match self.faults.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl Fault {
    /// Whether the file has the shape of the model's transposed, as where x·W is meant and not x·Wᵀ.
    pub fn is_transposed(&self) -> bool {
        match self {
            Self::Misshapen { shape, found, .. } => {
                matches!((&shape[..], &found[..]), ([a, b], [c, d]) if a == d && b == c)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The name in the file, where it is another.
        fn called(ours: &str, theirs: &str) -> String {
            match ours == theirs {
                true => String::new(),
                false => format!(" (as {theirs})"),
            }
        }
        match self {
            Self::Missing {
                ours,
                theirs,
                shape,
            } => write!(f, "missing {ours} {shape:?}{}", called(ours, theirs)),
            Self::Misshapen {
                ours,
                theirs,
                shape,
                found,
            } => {
                let called = called(ours, theirs);
                write!(f, "{ours}{called} is {found:?} and has to be {shape:?}")?;
                match self.is_transposed() {
                    true => f.write_str(", its transpose"),
                    false => Ok(()),
                }
            }
            Self::NoFloats {
                ours,
                theirs,
                dtype,
            } => {
                let called = called(ours, theirs);
                write!(f, "{ours}{called} is {dtype}, and has to be of floats")
            }
            Self::Extra { theirs, found } => write!(f, "extra {theirs} {found:?}"),
        }
    }
}
