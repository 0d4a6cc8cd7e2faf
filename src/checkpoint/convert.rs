//! Tensors that another program wrote, whatever the width of their floats.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;

use super::file::{CHUNK, open};
use super::{Checkpoint, CheckpointError, Tensor};

/// What a safetensors file of another program holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreign {
    /// The tensors of floats by name, as f32.
    pub tensors: BTreeMap<String, Tensor>,
    /// Of those that were not f32 in the file, what they were, as safetensors spells it: `F16`, `BF16` or `F64`.
    pub converted: BTreeMap<String, String>,
    /// The tensors of anything else, with what they are of and their shape; they were not read.
    pub others: BTreeMap<String, (String, Vec<usize>)>,
}

/// How the bytes of an element become an f32, and how many of them there are.
type Conversion = (usize, fn(&[u8]) -> f32);

/// The conversion of an element type, where it is one of floats that are read.
fn conversion(dtype: Dtype) -> Option<Conversion> {
    // Each function is given as many bytes as stand beside it.
    match dtype {
        Dtype::F32 => Some((4, |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
        Dtype::F16 => Some((2, |b| f16::from_le_bytes([b[0], b[1]]).to_f32())),
        Dtype::BF16 => Some((2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f32())),
        Dtype::F64 => Some((8, |b| {
            f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32
        })),
        _ => None,
    }
}

impl Foreign {
    /// Reads a safetensors file whose tensors are F32, F16, BF16 or F64, each as f32 and the last rounded. Tensors of
    /// other element types are left unread and listed.
    ///
    /// Nothing is allocated before the header has been checked against the file's length.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::load`], but for the element types.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let (mut file, header) = open(path)?;
        let mut tensors: Vec<_> = header.tensors().into_iter().collect();
        // The file is read from front to back, whatever the order of the names.
        tensors.sort_by_key(|(_, info)| info.data_offsets);
        let mut found = Self::default();
        for (name, info) in tensors {
            let bytes = info.data_offsets.1 - info.data_offsets.0;
            let shape = info.shape.clone();
            let read = match conversion(info.dtype) {
                Some(conversion) => read(&mut file, bytes, conversion).map(Some),
                None => skip(&mut file, bytes).map(|()| None),
            };
            let read = read.map_err(|cause| CheckpointError::read(path, cause))?;
            let Some(data) = read else {
                let of = (info.dtype.to_string(), shape);
                found.others.insert(name, of);
                continue;
            };
            if info.dtype != Dtype::F32 {
                let from = info.dtype.to_string();
                found.converted.insert(name.clone(), from);
            }
            found.tensors.insert(name, Tensor { shape, data });
        }
        Ok(found)
    }
}

impl From<Checkpoint> for Foreign {
    /// The tensors alone.
    fn from(checkpoint: Checkpoint) -> Self {
        Self {
            tensors: checkpoint.tensors,
            ..Self::default()
        }
    }
}

/// So many bytes of elements as f32, a chunk at a time.
fn read(file: &mut impl Read, bytes: usize, (width, value): Conversion) -> io::Result<Vec<f32>> {
    let len = bytes / width;
    let mut data = Vec::new();
    data.try_reserve_exact(len)?;
    let mut chunk = vec![0; CHUNK.min(len) * width];
    while data.len() < len {
        let count = CHUNK.min(len - data.len());
        let chunk = &mut chunk[..count * width];
        file.read_exact(chunk)?;
        data.extend(chunk.chunks_exact(width).map(value));
    }
    Ok(data)
}

fn skip(file: &mut impl Read, bytes: usize) -> io::Result<()> {
    let skipped = io::copy(&mut file.take(bytes as u64), &mut io::sink())?;
    match skipped == bytes as u64 {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file of these tensors, each of one dimension, with its element type and bytes.
    fn file(tensors: &[(&str, &str, usize, Vec<u8>)]) -> Vec<u8> {
        let mut end = 0;
        let entries = tensors.iter().map(|(name, dtype, len, bytes)| {
            let start = end;
            end += bytes.len();
            format!(
                r#""{name}":{{"dtype":"{dtype}","shape":[{len}],"data_offsets":[{start},{end}]}}"#
            )
        });
        let header = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.into_bytes());
        file.extend(tensors.iter().flat_map(|(.., bytes)| bytes.clone()));
        file
    }

    #[test]
    fn floats_of_every_width_are_read_and_others_are_listed() {
        let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let wide = [0.1_f64, -2.5].iter().flat_map(|value| value.to_le_bytes());
        let contents = file(&[
            ("half", "F16", 2, bytes(&[0x3c00, 0xc100])),
            ("steps", "I64", 1, 7_i64.to_le_bytes().to_vec()),
            ("brain", "BF16", 2, bytes(&[0x3f80, 0xc020])),
            ("wide", "F64", 2, wide.collect()),
            ("own", "F32", 1, 0.1_f32.to_le_bytes().to_vec()),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign.safetensors");
        fs::write(&path, &contents).unwrap();
        let found = Foreign::load(&path).unwrap();
        let values = |name: &str| found.tensors[name].data.clone();
        assert_eq!(values("half"), [1.0, -2.5]);
        assert_eq!(values("brain"), [1.0, -2.5]);
        assert_eq!(values("wide"), [0.1, -2.5]);
        assert_eq!(values("own"), [0.1]);
        let converted: Vec<_> = found.converted.into_iter().collect();
        let expected = [("brain", "BF16"), ("half", "F16"), ("wide", "F64")];
        assert_eq!(
            converted,
            expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert_eq!(found.others["steps"], ("I64".to_owned(), vec![1]));
        fs::write(&path, &contents[..contents.len() - 1]).unwrap();
        assert!(matches!(
            Foreign::load(&path),
            Err(CheckpointError::Length { .. })
        ));
    }
}
