//! Tables of columns: Parquet files, and Arrow's of either form (`.arrow`, `.feather`, `.ipc`).
//!
//! Their cells are read as text, as those of a `.csv` are: what is in a column says what it is.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::PathBuf;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, Schema};
use csv::StringRecord;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::reader::Records;
use super::{At, Origin, TableError};
use crate::data::DataError;
use crate::data::idx::of_link;

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 13;
/// What Arrow's files begin with; its streams do not.
const ARROW_FILE: &[u8] = b"ARROW1";

/// What a file or bytes in memory can do.
trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// Rows of a table of columns.
pub(super) struct Columns {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    batch: Option<RecordBatch>,
    /// Rows of the batch that were handed out.
    done: usize,
    path: PathBuf,
    row: u64,
}

impl Columns {
    /// Opens a table; gives the names of its columns.
    pub(super) fn open(origin: &Origin) -> Result<(Self, Vec<String>), DataError> {
        let path = origin.path().to_owned();
        let broken = |reason: String| -> DataError {
            TableError::Format {
                path: path.clone(),
                reason,
            }
            .into()
        };
        let refused = |cause| DataError::Read {
            path: path.clone(),
            cause: of_link(&path, cause),
        };
        let (schema, batches): (_, Box<dyn Iterator<Item = _> + Send>) =
            if origin.ending() == "parquet" {
                let parquet = |error: parquet::errors::ParquetError| {
                    broken(format!("no Parquet file that can be read ({error})"))
                };
                match origin.bytes() {
                    Some(bytes) => {
                        let bytes = bytes::Bytes::copy_from_slice(bytes);
                        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes);
                        let builder = builder.map_err(parquet)?.with_batch_size(BATCH);
                        let schema = builder.schema().clone();
                        (schema, Box::new(builder.build().map_err(parquet)?))
                    }
                    None => {
                        let file = File::open(&path).map_err(refused)?;
                        let builder = ParquetRecordBatchReaderBuilder::try_new(file);
                        let builder = builder.map_err(parquet)?.with_batch_size(BATCH);
                        let schema = builder.schema().clone();
                        (schema, Box::new(builder.build().map_err(parquet)?))
                    }
                }
            } else {
                let arrow = |error: ArrowError| {
                    broken(format!("no file of Arrow's that can be read ({error})"))
                };
                let mut input: Box<dyn Input> = match origin.bytes() {
                    Some(bytes) => Box::new(Cursor::new(bytes.clone())),
                    None => Box::new(File::open(&path).map_err(refused)?),
                };
                let mut start = Vec::new();
                let looked = input
                    .by_ref()
                    .take(ARROW_FILE.len() as u64)
                    .read_to_end(&mut start);
                looked.map_err(refused)?;
                input.rewind().map_err(refused)?;
                if start == ARROW_FILE {
                    let reader = FileReader::try_new(input, None).map_err(arrow)?;
                    (reader.schema(), Box::new(reader))
                } else {
                    let reader = StreamReader::try_new(input, None).map_err(arrow)?;
                    (reader.schema(), Box::new(reader))
                }
            };
        let names = names(&schema);
        let columns = Self {
            batches,
            batch: None,
            done: 0,
            path,
            row: 0,
        };
        Ok((columns, names))
    }

    fn broken(&self, error: &ArrowError) -> DataError {
        TableError::Format {
            path: self.path.clone(),
            reason: format!("the file cannot be read after row {} ({error})", self.row),
        }
        .into()
    }
}

fn names(schema: &Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

impl Records for Columns {
    fn next(&mut self, record: &mut StringRecord) -> Result<bool, DataError> {
        let batch = loop {
            match self
                .batch
                .take()
                .filter(|batch| self.done < batch.num_rows())
            {
                Some(batch) => break batch,
                None => match self.batches.next() {
                    Some(batch) => {
                        self.batch = Some(batch.map_err(|error| self.broken(&error))?);
                        self.done = 0;
                    }
                    None => return Ok(false),
                },
            }
        };
        record.clear();
        let options = FormatOptions::default();
        for column in batch.columns() {
            if column.is_null(self.done) {
                record.push_field("");
                continue;
            }
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options);
            let formatter = formatter.map_err(|error| self.broken(&error))?;
            let cell = formatter.value(self.done).try_to_string();
            record.push_field(&cell.map_err(|error| self.broken(&error))?);
        }
        self.batch = Some(batch);
        self.done += 1;
        self.row += 1;
        Ok(true)
    }

    fn at(&self) -> At {
        At {
            path: self.path.clone(),
            line: None,
            row: self.row,
        }
    }
}
