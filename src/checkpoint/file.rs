//! One checkpoint: named f32 tensors and string metadata in one safetensors file.
//!
//! The file is written here and not by the `safetensors` crate, which keeps metadata in a `HashMap` and so writes the
//! same content in a different order each time. The header is that crate's otherwise (tensors by name, padded with
//! spaces to a multiple of eight), and reading uses its checks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

use super::{CheckpointError, write_whole};

/// The key under which safetensors keeps metadata, and which no tensor may use.
const METADATA: &str = "__metadata__";
/// The longest header that is read, in bytes: safetensors' own limit.
const MAX_HEADER: u64 = 100_000_000;
/// The header's length, a little-endian u64, stands before the header.
const PREFIX: u64 = 8;

/// An array of f32 with a shape, in row-major order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// The extent of each dimension, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, as many as the product of `shape`.
    pub data: Vec<f32>,
}

/// Named tensors and metadata: what one file holds.
///
/// ```
/// use vae_wgpu::checkpoint::{Checkpoint, Tensor};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("last.safetensors");
/// let mut checkpoint = Checkpoint::default();
/// checkpoint.tensors.insert(
///     "decoder.output.weight".into(),
///     Tensor { shape: vec![2, 3], data: vec![0.5; 6] },
/// );
/// checkpoint.metadata.insert("step".into(), "400".into());
/// checkpoint.save(&path)?;
/// assert_eq!(Checkpoint::load(&path)?, checkpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The tensors by name, such as `encoder.mu.weight`. `__metadata__` is not a name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Free text by key: step, seed, configuration.
    pub metadata: BTreeMap<String, String>,
}

/// The JSON object at the start of the file.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

impl Checkpoint {
    /// Writes the checkpoint to `path`, atomically. Equal content gives equal bytes.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Tensor`] for a tensor whose data do not fill its shape or whose name is reserved,
    /// [`CheckpointError::NoRoom`] on a full disk, [`CheckpointError::Write`] otherwise. A file that was at `path` is
    /// then unchanged, and no temporary file remains.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let (header, data_len) = self.header(path)?;
        let needed = PREFIX + header.len() as u64 + data_len as u64;
        write_whole(path, needed, |file| {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            for tensor in self.tensors.values() {
                write_f32(file, &tensor.data)?;
            }
            Ok(())
        })
    }

    /// The header with its padding, and the length of all tensors in bytes.
    fn header(&self, path: &Path) -> Result<(Vec<u8>, usize), CheckpointError> {
        let mut tensors = BTreeMap::new();
        let mut end = 0_usize;
        for (name, tensor) in &self.tensors {
            let fault = |reason: String| CheckpointError::Tensor {
                path: path.to_owned(),
                tensor: name.clone(),
                reason,
            };
            if name == METADATA {
                return Err(fault("has a name that safetensors reserves".into()));
            }
            if elements(&tensor.shape) != Some(tensor.data.len()) {
                return Err(fault(format!(
                    "has shape {:?} and {} elements",
                    tensor.shape,
                    tensor.data.len()
                )));
            }
            let start = end;
            end += tensor.data.len() * size_of::<f32>();
            let info = TensorInfo {
                dtype: Dtype::F32,
                shape: tensor.shape.clone(),
                data_offsets: (start, end),
            };
            tensors.insert(name.as_str(), info);
        }
        let header = Header {
            metadata: &self.metadata,
            tensors,
        };
        let mut header = serde_json::to_vec(&header).map_err(|error| CheckpointError::Encode {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');
        Ok((header, end))
    }

    /// Reads a safetensors file, this program's or another's (PyTorch's, for one). All tensors must be F32.
    ///
    /// Nothing is allocated before the header has been checked against the file's length.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`] when the file cannot be read, [`CheckpointError::Length`] when it is cut short or too
    /// long, [`CheckpointError::Dtype`] for other element types, and [`CheckpointError::Invalid`] for anything else that
    /// is not a safetensors file.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let (mut file, header) = open(path)?;
        let unreadable = |cause| CheckpointError::read(path, cause);
        let mut tensors: Vec<_> = header.tensors().into_iter().collect();
        // The file is read from front to back, whatever the order of the names.
        tensors.sort_by_key(|(_, info)| info.data_offsets);
        for (name, info) in &tensors {
            if info.dtype != Dtype::F32 {
                return Err(CheckpointError::Dtype {
                    path: path.to_owned(),
                    tensor: name.clone(),
                    dtype: info.dtype.to_string(),
                });
            }
        }
        let mut checkpoint = Self::default();
        for (name, info) in tensors {
            let shape = info.shape.clone();
            let len = (info.data_offsets.1 - info.data_offsets.0) / size_of::<f32>();
            let data = read_f32(&mut file, len).map_err(unreadable)?;
            checkpoint.tensors.insert(name, Tensor { shape, data });
        }
        checkpoint.metadata = metadata_of(&header);
        Ok(checkpoint)
    }

    /// Reads the metadata alone, whatever the size of the tensors.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::load`], but for the tensors' element types.
    pub fn load_metadata(path: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
        let (_, header) = open(path)?;
        Ok(metadata_of(&header))
    }
}

/// Opens a safetensors file and reads its header, which fits the file's length; what follows are the tensors.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, Metadata), CheckpointError> {
    let unreadable = |cause| CheckpointError::read(path, cause);
    let invalid = |reason: String| CheckpointError::Invalid {
        path: path.to_owned(),
        reason,
    };

    let file = File::open(path).map_err(unreadable)?;
    let stat = file.metadata().map_err(unreadable)?;
    if stat.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    // A pipe or a device has no length to check a header against.
    if !stat.is_file() {
        return Err(invalid("it is not a regular file".into()));
    }
    let found = stat.len();
    if found < PREFIX {
        return Err(invalid(format!("it has only {found} bytes")));
    }
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut prefix = [0; PREFIX as usize];
    file.read_exact(&mut prefix).map_err(unreadable)?;
    let header_len = u64::from_le_bytes(prefix);
    if header_len > MAX_HEADER {
        return Err(invalid(format!(
            "its first eight bytes announce a header of {header_len} bytes"
        )));
    }
    if header_len > found - PREFIX {
        return Err(CheckpointError::Length {
            path: path.to_owned(),
            expected: PREFIX + header_len,
            found,
        });
    }
    let mut header = vec![0; header_len as usize];
    file.read_exact(&mut header).map_err(unreadable)?;
    // Checks syntax, that the tensors lie end to end, and that each one's extent fits its shape and type.
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| invalid(format!("its header is damaged ({error})")))?;
    let expected = (header.data_len() as u64).saturating_add(PREFIX + header_len);
    if expected != found {
        return Err(CheckpointError::Length {
            path: path.to_owned(),
            expected,
            found,
        });
    }
    Ok((file, header))
}

fn metadata_of(header: &Metadata) -> BTreeMap<String, String> {
    let pairs = header.metadata().iter().flatten();
    pairs
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The number of elements of a shape, if it can be counted.
fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
}

/// Elements converted at a time: large enough to be fast, small enough that no second copy of a tensor exists.
pub(super) const CHUNK: usize = 1 << 14;

fn write_f32(file: &mut dyn Write, data: &[f32]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(CHUNK.min(data.len()) * size_of::<f32>());
    for chunk in data.chunks(CHUNK) {
        bytes.clear();
        bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
        file.write_all(&bytes)?;
    }
    Ok(())
}

fn read_f32(file: &mut impl Read, len: usize) -> io::Result<Vec<f32>> {
    let mut data = Vec::new();
    data.try_reserve_exact(len)?;
    let mut bytes = vec![0; CHUNK.min(len) * size_of::<f32>()];
    while data.len() < len {
        let count = CHUNK.min(len - data.len());
        let bytes = &mut bytes[..count * size_of::<f32>()];
        file.read_exact(bytes)?;
        let (values, _) = bytes.as_chunks::<{ size_of::<f32>() }>();
        data.extend(values.iter().map(|value| f32::from_le_bytes(*value)));
    }
    Ok(data)
}
