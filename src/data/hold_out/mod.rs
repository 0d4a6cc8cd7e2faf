//! Images for testing, where there are none: some of the training images, drawn by a seed.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DataError, LoadOptions, Split};

mod draw;
mod part;

/// How many of the training images are held out for testing where there are no test images.
///
/// In a file it is a number: one with a point is a share, a whole one a count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HoldOut {
    /// So many images.
    Count(usize),
    /// This share of the images, between 0 and 1; at least one image.
    Share(f64),
}

impl HoldOut {
    /// What is held out where nobody says how much.
    pub const TENTH: Self = Self::Share(0.1);

    /// How many of `count` images that is; `None` where it is not between 1 and `count - 1`.
    fn of(self, count: usize) -> Option<usize> {
        let held = match self {
            Self::Count(held) => held,
            Self::Share(share) if 0.0 < share && share < 1.0 => {
                ((count as f64 * share) as usize).max(1)
            }
            Self::Share(_) => return None,
        };
        (0 < held && held < count).then_some(held)
    }
}

impl fmt::Display for HoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(held) => held.fmt(f),
            Self::Share(share) => write!(f, "{share:?}"),
        }
    }
}

impl FromStr for HoldOut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = text.parse().map(Self::Count);
        let hold_out = count.or_else(|_| text.parse().map(Self::Share));
        match hold_out {
            Ok(Self::Share(share)) if share <= 0.0 || share >= 1.0 || share.is_nan() => {}
            Ok(Self::Count(0)) | Err(_) => {}
            Ok(hold_out) => return Ok(hold_out),
        }
        Err("give a share between 0 and 1 such as 0.1, or a number of images such as 1000".into())
    }
}

/// Parts what the options say, else a tenth, from the rest, by class where there are labels; both parts keep
/// their order. Errors call the images `path`.
///
/// The files of many data sets are sorted by class, so that the last tenth would be one class.
pub(super) fn hold_out(
    train: Split,
    path: &Path,
    options: &LoadOptions,
) -> Result<(Split, Split), DataError> {
    let held = drawn(train.images.count, train.labels.as_deref(), path, options)?;
    part::part(train, &held, path, &options.scratch())
}

/// The numbers of those of `count` examples that are held out, by class where there are labels; they ascend.
pub(super) fn drawn(
    count: usize,
    labels: Option<&[u8]>,
    path: &Path,
    options: &LoadOptions,
) -> Result<Vec<usize>, DataError> {
    if count < 2 {
        return Err(DataError::NothingToHoldOut {
            path: path.to_owned(),
        });
    }
    let asked = options.hold_out.unwrap_or(HoldOut::TENTH);
    let Some(wanted) = asked.of(count) else {
        return Err(DataError::HoldOut {
            path: path.to_owned(),
            asked,
            count,
        });
    };
    Ok(match labels.filter(|_| options.by_class) {
        Some(labels) => draw::by_class(labels, wanted, options.seed),
        None => draw::of_all(count, wanted, options.seed),
    })
}

/// What the user should be told of images of a file that were held out.
pub(super) fn note(path: &Path, [train, test]: [&Split; 2]) -> String {
    format!(
        "{} has no images to measure with: {} of {}, drawn by the seed, are held out for testing",
        path.display(),
        test.images.count,
        train.images.count + test.images.count,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_a_point_and_a_count_has_none() {
        for (text, expected) in [
            ("0.1", HoldOut::Share(0.1)),
            ("1e-3", HoldOut::Share(1e-3)),
            ("1", HoldOut::Count(1)),
            ("5000", HoldOut::Count(5000)),
        ] {
            let hold_out: HoldOut = text.parse().unwrap();
            assert_eq!(hold_out, expected);
            assert_eq!(hold_out.to_string().parse(), Ok(expected));
        }
        for text in [
            "0", "0.0", "1.0", "1.5", "-0.1", "-3", "nan", "inf", "10%", "",
        ] {
            let error = text.parse::<HoldOut>().unwrap_err();
            assert!(error.contains("between 0 and 1"), "{text}");
        }
    }

    /// Rounding of a share must not hold out other images than a whole tenth did.
    #[test]
    fn a_tenth_is_a_tenth_rounded_down_and_at_least_one_image() {
        for count in (2..20_000).chain([1_281_167, 14_197_122, 1 << 31]) {
            assert_eq!(
                HoldOut::TENTH.of(count),
                Some((count / 10).max(1)),
                "{count}"
            );
        }
    }

    #[test]
    fn what_leaves_nothing_on_either_side_is_none() {
        assert_eq!(HoldOut::Count(9).of(10), Some(9));
        assert_eq!(HoldOut::Count(10).of(10), None);
        assert_eq!(HoldOut::Count(0).of(10), None);
        assert_eq!(HoldOut::Share(0.5).of(2), Some(1));
        assert_eq!(HoldOut::Share(1.5).of(10), None);
        assert_eq!(HoldOut::Share(f64::NAN).of(10), None);
    }
}
