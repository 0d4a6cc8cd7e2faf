//! TensorBoard's event files: scalars, images and histograms by step.
//!
//! An event file is a sequence of [records](record), each the bytes of one [`Event`](proto::Event). TensorBoard reads all
//! event files of a folder in the order of their names as one run. A run that continues begins a file of its own, whose
//! first event says from which step on whatever older files say is void: steps that are done again show once.

mod file;
mod histogram;
pub mod proto;
pub mod record;

pub use file::{EventFile, event_files, read_events};

use proto::{Image, Value, value::Kind};

/// A number under a tag, such as `loss/train`: TensorBoard draws tags of one first part side by side.
pub fn scalar(tag: impl Into<String>, number: f64) -> Value {
    of(tag, Kind::SimpleValue(number as f32))
}

/// A PNG of this width and height, and of so many channels (1 grey, 3 in colours), under a tag.
pub fn image(
    tag: impl Into<String>,
    [width, height]: [u32; 2],
    channels: u8,
    png: Vec<u8>,
) -> Value {
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let image = Image {
        height: side(height),
        width: side(width),
        colorspace: channels.into(),
        encoded_image_string: png,
    };
    of(tag, Kind::Image(image))
}

/// How values are distributed, under a tag. Values that are not finite are left out.
pub fn histogram(tag: impl Into<String>, values: &[f32]) -> Value {
    of(tag, Kind::Histo(histogram::of(values)))
}

fn of(tag: impl Into<String>, kind: Kind) -> Value {
    Value {
        tag: tag.into(),
        kind: Some(kind),
    }
}
