//! Small valid files of every format that a loader reads.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// A format: the ending of its files, and files to begin with.
pub(crate) struct Format {
    pub(crate) ending: &'static str,
    pub(crate) seeds: Vec<Vec<u8>>,
}

/// All of them.
pub(crate) fn all() -> Vec<Format> {
    let format = |ending, seeds| Format { ending, seeds };
    let idx = || idx(&[4, 3, 2], 8, &ramp(24));
    let npy = || npy("<f4", "(4, 3)", &floats(12));
    let arrays = [("x", npy()), ("y", self::npy("|u1", "(4,)", &[0, 1, 0, 1]))];
    let pictures = [
        ("cats/a.png", picture(1, ImageFormat::Png)),
        ("cats/b.tif", picture(2, ImageFormat::Tiff)),
        ("dogs/c.webp", picture(3, ImageFormat::WebP)),
        ("dogs/d.jpg", picture(4, ImageFormat::Jpeg)),
    ];
    vec![
        format(
            "idx",
            vec![
                idx(),
                self::idx(&[2, 2, 2, 3], 8, &ramp(24)),
                self::idx(&[3, 2, 1], 13, &24_u32.to_be_bytes().repeat(6)),
                gzip(&idx()),
            ],
        ),
        format(
            "npy",
            vec![
                npy(),
                self::npy("|u1", "(3, 2, 2)", &ramp(12)),
                self::npy(">i8", "(2, 2)", &1_i64.to_be_bytes().repeat(4)),
            ],
        ),
        format(
            "npz",
            vec![
                zip(&arrays, CompressionMethod::Stored),
                zip(&arrays, CompressionMethod::Deflated),
            ],
        ),
        format("safetensors", vec![safetensors()]),
        format("csv", tables()),
        format("csv.gz", tables().iter().map(|text| gzip(text)).collect()),
        format(
            "mtx",
            vec![
                b"%%MatrixMarket matrix coordinate integer general\n% a remark\n3 2 2\n1 1 5\n3 2 7\n"
                    .to_vec(),
                b"%%MatrixMarket matrix array real general\n2 2\n1.5\n2\n3\n-4e-1\n".to_vec(),
            ],
        ),
        format("png", vec![picture(1, ImageFormat::Png)]),
        format("jpg", vec![picture(1, ImageFormat::Jpeg)]),
        format("webp", vec![picture(1, ImageFormat::WebP)]),
        format("tif", vec![picture(1, ImageFormat::Tiff)]),
        format("zip", vec![zip(&pictures, CompressionMethod::Deflated)]),
        format("tar", vec![tar(&pictures)]),
        format("tar.gz", vec![gzip(&tar(&pictures))]),
    ]
}

/// Inputs on which a loader failed once.
pub(crate) fn found(ending: &str) -> Vec<Vec<u8>> {
    match ending {
        // 64 MiB and some bytes, of a file that has 158.
        "zip" => {
            let mut archive = zip(
                &[("a.png", picture(1, ImageFormat::Png))],
                CompressionMethod::Deflated,
            );
            // The uncompressed size in the directory at the archive's end (PKZIP's APPNOTE, 4.3.12).
            let entry = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02");
            let size = entry.unwrap() + 24;
            archive[size..size + 4].copy_from_slice(&67_109_017_u32.to_le_bytes());
            vec![archive]
        }
        _ => Vec::new(),
    }
}

/// 0, 1, 2, …
fn ramp(len: u8) -> Vec<u8> {
    (0..len).collect()
}

fn floats(count: u8) -> Vec<u8> {
    let floats = (0..count).map(|value| f32::from(value) / 3.0);
    floats.flat_map(f32::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(sizes: &[u32], kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(payload);
    bytes
}

fn npy(kind: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(payload);
    bytes
}

fn safetensors() -> Vec<u8> {
    let header = r#"{"x":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},"y":{"dtype":"U8","shape":[4],"data_offsets":[48,52]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(floats(12));
    bytes.extend([0, 1, 1, 0]);
    bytes
}

fn tables() -> Vec<Vec<u8>> {
    let mut mixed = "height,pets,colour,born\n".to_owned();
    for row in 0..24 {
        let colour = ["red", "\"dark, green\"", ""][row % 3];
        let born = format!("20{row:02}-0{}-11", row % 9 + 1);
        mixed += &format!("{}.5,{},{colour},{born}\n", row * 7, row * 5);
    }
    let plain = "1;2.5\r\n3;4\r\n5;NaN\r\n7;-8e3\r\n".to_owned();
    [mixed, plain].map(String::into_bytes).to_vec()
}

fn picture(first: u8, format: ImageFormat) -> Vec<u8> {
    let pixel = |x, y| Rgb([first, 20 * x as u8, 30 * y as u8]);
    let picture = DynamicImage::from(RgbImage::from_fn(8, 6, pixel));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn zip(files: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    let is_arrays = files[0].0 == "x";
    for (name, bytes) in files {
        let name = if is_arrays {
            format!("{name}.npy")
        } else {
            (*name).to_owned()
        };
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}
