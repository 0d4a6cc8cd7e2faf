//! How picture files become images of one size.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::named;

/// The most pixels that a side of [`PictureSize`] may have.
const LONGEST: u32 = 4096;
/// [`PictureOptions::decode_limit`] where nobody chose another: 64 megabytes.
pub const DECODE_LIMIT: u64 = 64 << 20;

/// How picture files become images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureOptions {
    /// The size that all are brought to; without one, all must have the same.
    pub size: Option<PictureSize>,
    /// How they are brought to it.
    pub fit: Fit,
    /// In colours or in grey; without a choice in grey where the files of all pictures are, else in colours.
    pub colours: Option<Colours>,
    /// Whether files that cannot be read are left out, and counted, in the place of an error.
    pub skip_broken: bool,
    /// Bytes that one picture may need beyond those of its file to be decoded and resized. One that declares more is
    /// broken, which is said before anything is allocated for its pixels.
    pub decode_limit: u64,
}

impl Default for PictureOptions {
    /// Pictures as they are, and an error for the first that is broken.
    fn default() -> Self {
        Self {
            size: None,
            fit: Fit::default(),
            colours: None,
            skip_broken: false,
            decode_limit: DECODE_LIMIT,
        }
    }
}

/// A width and a height in pixels, neither 0; as text `WIDTHxHEIGHT`, such as `32x32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PictureSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl PictureSize {
    /// A size; `None` where a side is 0 or has more than 4096 pixels.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let are_sides = [width, height]
            .iter()
            .all(|side| (1..=LONGEST).contains(side));
        are_sides.then_some(Self { width, height })
    }

    /// Columns.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(self) -> u32 {
        self.height
    }

    /// The same with columns and rows exchanged.
    pub(super) fn turned(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
    }
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = || {
            let (width, height) = text.split_once(['x', '×'])?;
            Self::new(width.trim().parse().ok()?, height.trim().parse().ok()?)
        };
        size().ok_or_else(|| {
            format!(
                "'{text}' is no size of a picture, which is WIDTHxHEIGHT in pixels, such as 32x32, of sides from 1 to \
                 {LONGEST}"
            )
        })
    }
}

impl TryFrom<String> for PictureSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PictureSize> for String {
    fn from(size: PictureSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for PictureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// How a picture of another shape is brought to a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// What lies beyond the size's shape is cut off, on both sides alike.
    #[default]
    Crop,
    /// The whole picture, with black beside it.
    Pad,
    /// The whole picture, with its sides scaled differently.
    Stretch,
}

impl Fit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Crop, Self::Pad, Self::Stretch];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Pad => "pad",
            Self::Stretch => "stretch",
        }
    }
}

impl FromStr for Fit {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named::find(&Self::ALL, Self::name, name, "no way to fit a picture")
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the channels of pictures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colours {
    /// One channel. Of a colour it is the luminance by ITU-R BT.709.
    Grey,
    /// Red, green and blue.
    Rgb,
}

impl Colours {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Grey, Self::Rgb];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
        }
    }

    /// Values of a pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }

    /// Those of so many channels, where pictures have so many.
    pub fn of_channels(channels: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.channels() == channels)
    }
}

impl FromStr for Colours {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named::find(&Self::ALL, Self::name, name, "no kind of colours")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back_what_they_write() {
        let size: PictureSize = "64x48".parse().unwrap();
        assert_eq!((size.width(), size.height()), (64, 48));
        assert_eq!(size.to_string(), "64x48");
        for text in ["64", "64x", "0x3", "3x0", "-1x3", "4097x1", "axb", ""] {
            let error = text.parse::<PictureSize>().unwrap_err();
            assert!(error.contains("such as 32x32"), "{error}");
        }
    }
}
