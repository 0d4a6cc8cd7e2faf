//! Records as tensors, one for each group of columns, and the labels.
//!
//! The format has each tensor whole, one behind the other, and all their extents before them. So each group is written to
//! a file of its own beside the target, and copied behind the header at the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::{Columns, Group, Rows, Sink};
use crate::atomic::Replacement;

/// What the labels' tensor is called.
const LABELS: &str = "labels";

pub(super) struct Safetensors {
    out: File,
    /// The values of each group.
    groups: Vec<BufWriter<NamedTempFile>>,
    /// A byte for each row.
    labels: Vec<u8>,
    rows: usize,
}

/// The JSON object at the start of the file.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

impl Safetensors {
    pub(super) fn begin(out: File, file: &Replacement, columns: &Columns) -> io::Result<Self> {
        let spool = |_: &Group| Ok(BufWriter::with_capacity(1 << 18, file.spool()?));
        Ok(Self {
            out,
            groups: columns
                .groups
                .iter()
                .map(spool)
                .collect::<io::Result<_>>()?,
            labels: Vec::new(),
            rows: 0,
        })
    }

    /// The header with its length before it, padded so that the tensors begin at a multiple of eight bytes.
    fn header(&self, columns: &Columns) -> io::Result<Vec<u8>> {
        let mut tensors = BTreeMap::new();
        let mut start = 0;
        let mut add = |name, dtype, shape: Vec<usize>, bytes: usize| {
            let end = start + bytes * shape.iter().product::<usize>();
            let data_offsets = (start, end);
            tensors.insert(
                name,
                TensorInfo {
                    dtype,
                    shape,
                    data_offsets,
                },
            );
            start = end;
        };
        for group in &columns.groups {
            let shape = [&[self.rows], &group.shape[..]].concat();
            add(group.name.as_str(), Dtype::F32, shape, size_of::<f32>());
        }
        let mut metadata = BTreeMap::new();
        if columns.labels {
            add(LABELS, Dtype::U8, vec![self.rows], size_of::<u8>());
            if !columns.classes.is_empty() {
                metadata.insert("classes", serde_json::to_string(&columns.classes)?);
            }
        }
        let mut header = serde_json::to_vec(&Header { metadata, tensors })?;
        header.resize(header.len().next_multiple_of(8), b' ');
        let len = (header.len() as u64).to_le_bytes();
        Ok([&len[..], &header].concat())
    }
}

impl Sink for Safetensors {
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()> {
        for (file, values) in self.groups.iter_mut().zip(rows.values) {
            super::write_f32(file, values)?;
        }
        self.labels.extend(rows.labels.unwrap_or_default());
        self.rows += rows.count(columns);
        Ok(())
    }

    fn finish(&mut self, columns: &Columns) -> io::Result<()> {
        let header = self.header(columns)?;
        self.out.write_all(&header)?;
        for file in &mut self.groups {
            file.rewind()?;
            io::copy(file.get_mut(), &mut self.out)?;
        }
        self.out.write_all(&self.labels)
    }
}
