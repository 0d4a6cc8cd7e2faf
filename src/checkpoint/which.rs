//! Which of a run's checkpoints.

use std::fmt;
use std::str::FromStr;

/// The ending of a checkpoint's file.
const ENDING: &str = ".safetensors";
/// What the file of a numbered checkpoint is called before the epoch's number.
const NUMBERED: &str = "epoch-";

/// A checkpoint of a run, by name.
///
/// ```
/// use vae_wgpu::checkpoint::Which;
///
/// assert_eq!("40".parse(), Ok(Which::Epoch(40)));
/// assert_eq!(Which::Epoch(40).file_name(), "epoch-0040.safetensors");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// The newest.
    #[default]
    Last,
    /// That of the epoch with the least test loss.
    Best,
    /// That of the end of an epoch, from 1.
    Epoch(u32),
}

impl Which {
    /// The name of its file: `last.safetensors`, `best.safetensors`, `epoch-0040.safetensors`.
    pub fn file_name(self) -> String {
        format!("{self}{ENDING}")
    }

    /// The checkpoint that a file of this name is.
    pub fn of_file(name: &str) -> Option<Self> {
        name.strip_suffix(ENDING)?.parse().ok()
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Best => f.write_str("best"),
            Self::Epoch(epoch) => write!(f, "{NUMBERED}{epoch:04}"),
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "last" => Ok(Self::Last),
            "best" => Ok(Self::Best),
            _ => {
                let digits = name.strip_prefix(NUMBERED).unwrap_or(name);
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                match digits.parse() {
                    Ok(epoch) if is_number => Ok(Self::Epoch(epoch)),
                    _ => Err(format!(
                        "'{name}' is no checkpoint: choose last, best or the number of an epoch"
                    )),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checkpoint_is_found_by_its_name_its_file_and_its_number() {
        for which in [
            Which::Last,
            Which::Best,
            Which::Epoch(7),
            Which::Epoch(12_345),
        ] {
            assert_eq!(which.to_string().parse(), Ok(which));
            assert_eq!(Which::of_file(&which.file_name()), Some(which));
        }
        assert_eq!("7".parse(), Ok(Which::Epoch(7)));
        for other in ["", "worst", "+7", "-7", "epoch-", "epoch-x", "4294967296"] {
            assert!(other.parse::<Which>().is_err(), "{other}");
        }
        for other in ["last", ".writing-last.safetensors", "samples.png"] {
            assert_eq!(Which::of_file(other), None, "{other}");
        }
    }
}
