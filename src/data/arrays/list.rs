//! Which arrays a file has.

use std::io::{Read, Seek, SeekFrom};

use safetensors::tensor::Metadata;
use zip::{CompressionMethod, ZipArchive};

use super::element::Element;
use super::error::shape_text;
use super::header::{self, Header};
use super::place::{Part, Place};
use super::{ArrayError, Format};

/// The longest header of a safetensors file that is read, in bytes: the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// An array of a file.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its name, where the file has several.
    pub(super) name: Option<String>,
    /// What its numbers are; none where they are none that are read.
    pub(super) element: Option<Element>,
    /// Its type as the file has it.
    pub(super) found: String,
    /// Whether its first dimension varies fastest.
    pub(super) is_fortran: bool,
    /// Its extents, outermost first.
    pub(super) shape: Vec<usize>,
    /// Where it lies.
    pub(super) part: Part,
    /// Bytes before its numbers once it is unpacked.
    pub(super) before: u64,
}

impl Entry {
    /// Its name, shape and type in a list.
    pub(super) fn text(&self) -> String {
        let name = self.name.as_deref().unwrap_or("an array");
        format!("{name} {} {}", shape_text(&self.shape), self.found)
    }

    fn of_header(name: Option<String>, header: Header, part: Part) -> Self {
        Self {
            name,
            element: Element::of_numpy(&header.descr),
            found: header.descr,
            is_fortran: header.is_fortran,
            shape: header.shape,
            part,
            before: header.len,
        }
    }
}

/// All arrays of a file, in its order.
pub(super) fn entries(place: &Place, format: Format) -> Result<Vec<Entry>, ArrayError> {
    match format {
        Format::Npy => Ok(vec![npy(place)?]),
        Format::Npz => npz(place),
        Format::Safetensors => safetensors(place),
    }
}

fn npy(place: &Place) -> Result<Entry, ArrayError> {
    let part = Part {
        start: 0,
        len: place.len()?,
        deflated: None,
    };
    let header = header_at(place, part, None)?;
    Ok(Entry::of_header(None, header, part))
}

/// The header of the array that a part has.
fn header_at(place: &Place, part: Part, name: Option<&str>) -> Result<Header, ArrayError> {
    let mut reader = place.open_part(part)?;
    let header = header::read(&mut *reader).map_err(|cause| place.refused(cause))?;
    header.map_err(|reason| match name {
        Some(name) => place.damaged(format!("of the array {name}, {reason}")),
        None => place.damaged(reason),
    })
}

fn npz(place: &Place) -> Result<Vec<Entry>, ArrayError> {
    let no_zip = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(cause) => place.refused(cause),
        error => place.damaged(format!("it is no whole .npz ({error})")),
    };
    let whole = place.len()?;
    let mut archive = ZipArchive::new(place.open()?).map_err(no_zip)?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(no_zip)?;
        let name = file.name().map_err(no_zip)?;
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        let deflated = match file.compression() {
            CompressionMethod::Stored => None,
            CompressionMethod::Deflated => Some(file.crc32()),
            other => {
                let reason =
                    format!("the array {name} is compressed by {other}, and not by deflate");
                return Err(place.damaged(reason));
            }
        };
        if file.encrypted() {
            return Err(place.damaged(format!("the array {name} is encrypted")));
        }
        let part = Part {
            start: file.data_start().unwrap_or(whole),
            len: file.compressed_size(),
            deflated,
        };
        if part
            .start
            .checked_add(part.len)
            .is_none_or(|end| end > whole)
        {
            return Err(place.damaged(format!("the array {name} ends behind the file")));
        }
        drop(file);
        let header = header_at(place, part, Some(&name))?;
        entries.push(Entry::of_header(Some(name), header, part));
    }
    Ok(entries)
}

fn safetensors(place: &Place) -> Result<Vec<Entry>, ArrayError> {
    let whole = place.len()?;
    let mut contents = place.open()?;
    let mut prefix = [0; 8];
    if whole < 8 {
        return Err(place.damaged(format!("it has only {whole} bytes")));
    }
    contents
        .seek(SeekFrom::Start(0))
        .map_err(|e| place.refused(e))?;
    contents
        .read_exact(&mut prefix)
        .map_err(|e| place.refused(e))?;
    let len = u64::from_le_bytes(prefix);
    if len > LONGEST_HEADER || len > whole - 8 {
        return Err(place.damaged(format!(
            "its first eight bytes announce a header of {len} bytes"
        )));
    }
    let mut header = vec![0; len as usize];
    contents
        .read_exact(&mut header)
        .map_err(|e| place.refused(e))?;
    // Checks syntax, that the tensors lie end to end, and that each one's extent fits its shape and type.
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| place.damaged(format!("its header is damaged ({error})")))?;
    let first = 8 + len;
    let end = (header.data_len() as u64).saturating_add(first);
    if end != whole {
        return Err(place.damaged(format!(
            "its header announces {end} bytes and it has {whole}"
        )));
    }
    let mut tensors: Vec<_> = header.tensors().into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| Entry {
        name: Some(name),
        element: Element::of_safetensors(info.dtype),
        found: info.dtype.to_string(),
        is_fortran: false,
        shape: info.shape.clone(),
        part: Part {
            start: first + info.data_offsets.0 as u64,
            len: (info.data_offsets.1 - info.data_offsets.0) as u64,
            deflated: None,
        },
        before: 0,
    };
    Ok(tensors.into_iter().map(entry).collect())
}
