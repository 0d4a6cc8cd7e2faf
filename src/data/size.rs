//! How large an image is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Rows, columns and channels of an image.
///
/// Files say `[height, width]` of one channel and `[height, width, channels]` of several; `Display` writes 28×28 and
/// 28×28×3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct ImageSize {
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
    /// Values of a pixel: 1 where it is grey or a number, 3 for red, green and blue.
    pub channels: usize,
}

impl ImageSize {
    /// Pixels, each of one value or several: `height * width`, and no more than a `usize` holds.
    pub fn pixels(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// Values of one image: `height * width * channels`, and no more than a `usize` holds.
    pub fn dim(self) -> usize {
        self.pixels().saturating_mul(self.channels)
    }
}

/// Height and width of an image of one channel.
impl From<[usize; 2]> for ImageSize {
    fn from([height, width]: [usize; 2]) -> Self {
        Self {
            height,
            width,
            channels: 1,
        }
    }
}

impl From<ImageSize> for Vec<usize> {
    fn from(size: ImageSize) -> Self {
        let ImageSize {
            height,
            width,
            channels,
        } = size;
        match channels {
            1 => vec![height, width],
            _ => vec![height, width, channels],
        }
    }
}

impl TryFrom<Vec<usize>> for ImageSize {
    type Error = String;

    fn try_from(sizes: Vec<usize>) -> Result<Self, String> {
        let (height, width, channels) = match sizes[..] {
            [height, width] => (height, width, 1),
            [height, width, channels] => (height, width, channels),
            _ => {
                return Err(format!(
                    "{} numbers are no size of an image, which is [height, width] or [height, width, channels]",
                    sizes.len()
                ));
            }
        };
        Ok(Self {
            height,
            width,
            channels,
        })
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.height, self.width)?;
        match self.channels {
            1 => Ok(()),
            channels => write!(f, "×{channels}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        image: ImageSize,
    }

    #[test]
    fn files_say_channels_where_there_are_several() {
        for (text, shown, dim) in [
            ("image = [28, 30]\n", "28×30", 840),
            ("image = [28, 30, 3]\n", "28×30×3", 2520),
        ] {
            let read: File = toml::from_str(text).unwrap();
            assert_eq!(toml::to_string(&read).unwrap(), text);
            assert_eq!((&*read.image.to_string(), read.image.dim()), (shown, dim));
        }
        for text in ["image = [28]", "image = [1, 2, 3, 4]", "image = []"] {
            let error = toml::from_str::<File>(text).unwrap_err().to_string();
            assert!(error.contains("[height, width, channels]"), "{error}");
        }
    }
}
