//! How picture files become images, as flags say it and a run records it.

use serde::{Deserialize, Serialize};
use vae_wgpu::data::ImageSize;
use vae_wgpu::data::pictures::{Colours, Fit, PictureOptions, PictureSize};

/// How picture files become images, where it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct PictureFlags {
    /// Bring pictures to this size, width times height [default: their own, where all have the same]
    #[arg(long, value_name = "32x32")]
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<PictureSize>,
    /// How pictures of another shape are brought to it: crop cuts off what lies beyond, pad has black beside the whole,
    /// stretch scales both sides differently [default: crop]
    #[arg(long, value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fit: Option<Fit>,
    /// Pictures in grey or in rgb [default: rgb, or grey where the files of all pictures are]
    #[arg(long, value_name = "KIND")]
    #[serde(skip_serializing_if = "Option::is_none")]
    colours: Option<Colours>,
    /// Leave out pictures that are broken, and say how many
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    skip_broken: bool,
    /// Megabytes that a picture may need to be decoded beyond its file's size; one that declares more is broken
    /// [default: 64]
    #[arg(long, value_name = "MB", hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_limit: Option<u32>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl PictureFlags {
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is said here, and else there.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            size: self.size.or(other.size),
            fit: self.fit.or(other.fit),
            colours: self.colours.or(other.colours),
            skip_broken: self.skip_broken || other.skip_broken,
            decode_limit: self.decode_limit.or(other.decode_limit),
        }
    }

    /// The same for a model of images of this size, which pictures are brought to unless another is asked for; with
    /// `sized`, they are known to be of a size already.
    pub(crate) fn for_images(self, image: ImageSize, sized: bool) -> Self {
        let side = |side: usize| u32::try_from(side).ok();
        let size = || PictureSize::new(side(image.width)?, side(image.height)?);
        Self {
            size: self.size.or_else(|| size().filter(|_| !sized)),
            colours: self
                .colours
                .or_else(|| Colours::of_channels(image.channels)),
            ..self
        }
    }

    /// As the library takes it.
    pub(crate) fn options(&self) -> PictureOptions {
        let usual = PictureOptions::default();
        PictureOptions {
            size: self.size,
            fit: self.fit.unwrap_or_default(),
            colours: self.colours,
            skip_broken: self.skip_broken,
            decode_limit: self
                .decode_limit
                .map_or(usual.decode_limit, |mb| u64::from(mb) << 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_pictures_are_brought_to_its_images() {
        let file: PictureFlags = toml::from_str("size = \"64x48\"\nfit = \"pad\"\n").unwrap();
        let text = toml::to_string(&file).unwrap();
        assert_eq!(toml::from_str::<PictureFlags>(&text).unwrap(), file);
        let flags = PictureFlags {
            fit: Some(Fit::Stretch),
            ..PictureFlags::default()
        };
        let options = flags.or(file).options();
        assert_eq!(options.size, PictureSize::new(64, 48));
        assert_eq!(options.fit, Fit::Stretch);
        let image = ImageSize {
            height: 20,
            width: 30,
            channels: 3,
        };
        let options = flags.for_images(image, false).options();
        assert_eq!(options.size, PictureSize::new(30, 20));
        assert_eq!(options.colours, Some(Colours::Rgb));
        assert_eq!(flags.for_images(image, true).options().size, None);
    }
}
