//! The data sets: files as they should and should not be, the built-in ones, downloads.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use vae_wgpu::data::{DataError, Dataset, Images, LoadOptions, Pixels, Source, load};

mod arrays;
mod digest;
mod digits;
mod download;
mod folder;
mod idx;
mod location;
mod names;
mod numbers;
mod oddities;
mod pictures;
mod shapes;
mod tables;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// Images whose pixels all differ from their neighbours, `first` being the first pixel.
fn images(count: usize, height: usize, width: usize, first: usize) -> Images {
    let pixels = (0..count * height * width).map(|i| ((first + 7 * i) % 251) as u8);
    Images {
        channels: 1,
        count,
        height,
        width,
        pixels: Pixels::Bytes(pixels.collect()),
    }
}

/// The same values as images in colours, a third as wide.
fn coloured(images: Images) -> Images {
    Images {
        width: images.width / 3,
        channels: 3,
        ..images
    }
}

/// The bytes of images that are bytes.
fn bytes(images: &Images) -> &[u8] {
    images.pixels.as_bytes().unwrap()
}

/// Those of one of them.
fn image(images: &Images, index: usize) -> &[u8] {
    &bytes(images)[index * images.dim()..][..images.dim()]
}

/// The same images with other bytes.
fn with_bytes(images: &Images, edit: impl FnOnce(&mut Vec<u8>)) -> Images {
    let mut edited = bytes(images).to_vec();
    edit(&mut edited);
    Images {
        pixels: edited.into(),
        ..*images
    }
}

/// An IDX file byte by byte, so that the tests do not rest on the library's own writer.
fn idx_bytes(header: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = header.iter().flat_map(|n| n.to_be_bytes()).collect();
    bytes.extend(payload);
    bytes
}

fn image_bytes(images: &Images) -> Vec<u8> {
    let channels = Some(images.channels).filter(|&channels| channels != 1);
    let sizes = [images.count, images.height, images.width].into_iter();
    let sizes: Vec<u32> = sizes.chain(channels).map(|size| size as u32).collect();
    let (kind, payload) = match &images.pixels {
        Pixels::Bytes(bytes) => (0x800, bytes.to_vec()),
        Pixels::Floats(floats) => {
            let bytes = floats.iter().flat_map(|float| float.to_be_bytes());
            (0xd00, bytes.collect())
        }
    };
    let magic = kind + sizes.len() as u32;
    idx_bytes(&[vec![magic], sizes].concat(), &payload)
}

fn label_bytes(labels: &[u8]) -> Vec<u8> {
    idx_bytes(&[0x801, labels.len() as u32], labels)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(name), bytes).unwrap();
}

fn load_folder(dir: &Path) -> Result<Dataset, DataError> {
    load(
        &Source::Path(dir.to_owned()),
        &LoadOptions::default(),
        &mut |_| panic!("nothing to download"),
    )
}

/// Fails unless the message has every one of `parts`.
fn assert_says(error: &DataError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}
