//! Records as columns in Parquet.

use std::fs::File;
use std::io;
use std::mem::take;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{Columns, Rows, Sink};

/// Rows that are gathered before they are written: a group of the file, which readers read as one.
const GROUP: usize = 1 << 16;

pub(super) struct Parquet {
    /// None once the end is written.
    writer: Option<SerializedFileWriter<File>>,
    names: Vec<ByteArray>,
    labels: Vec<u8>,
    /// The values of each column.
    values: Vec<Vec<f32>>,
}

impl Parquet {
    pub(super) fn begin(out: File, columns: &Columns) -> io::Result<Self> {
        let is_word = !columns.classes.is_empty();
        let mut fields = Vec::new();
        if columns.names {
            fields.push(field("name", Physical::BYTE_ARRAY));
        }
        if columns.labels {
            let label = if is_word {
                Physical::BYTE_ARRAY
            } else {
                Physical::INT32
            };
            fields.push(field("label", label));
        }
        let of_groups = columns.groups.iter().flat_map(|group| group.columns());
        fields.extend(of_groups.map(|name| field(&name, Physical::FLOAT)));
        let fields: Result<Vec<_>> = fields.into_iter().collect();
        let begin = |fields| {
            let schema = Type::group_type_builder("records")
                .with_fields(fields)
                .build()?;
            let properties = WriterProperties::builder().build();
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
        };
        let writer = fields.and_then(begin).map_err(of_system)?;
        let width: usize = columns.groups.iter().map(|group| group.width()).sum();
        Ok(Self {
            writer: Some(writer),
            names: Vec::new(),
            labels: Vec::new(),
            values: vec![Vec::new(); width],
        })
    }

    /// Writes what was gathered.
    fn flush(&mut self, columns: &Columns) -> Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        if self.values.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let mut group = writer.next_row_group()?;
        if columns.names {
            column::<ByteArrayType>(&mut group, &take(&mut self.names))?;
        }
        let labels = take(&mut self.labels);
        if columns.labels && columns.classes.is_empty() {
            let labels: Vec<_> = labels.into_iter().map(i32::from).collect();
            column::<Int32Type>(&mut group, &labels)?;
        } else if columns.labels {
            let words = labels
                .into_iter()
                .map(|label| columns.label(label).into_bytes().into());
            column::<ByteArrayType>(&mut group, &words.collect::<Vec<_>>())?;
        }
        for values in &mut self.values {
            column::<FloatType>(&mut group, values)?;
            values.clear();
        }
        group.close()?;
        Ok(())
    }
}

/// A column that every row has a value in.
fn field(name: &str, physical: Physical) -> Result<Arc<Type>> {
    let text = (physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(text);
    Ok(Arc::new(field.build()?))
}

/// Writes the next column of a group.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
    }
    Ok(())
}

/// What the operating system said, where it was that.
fn of_system(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        error => io::Error::other(error),
    }
}

impl Sink for Parquet {
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()> {
        let names = rows.names.unwrap_or_default().iter();
        self.names
            .extend(names.map(|name| ByteArray::from(name.as_str())));
        self.labels.extend(rows.labels.unwrap_or_default());
        let mut all = self.values.iter_mut();
        for (group, values) in columns.groups.iter().zip(rows.values) {
            let width = group.width();
            for (column, all) in (0..width).zip(&mut all) {
                all.extend(values.iter().skip(column).step_by(width));
            }
        }
        match self
            .values
            .first()
            .is_some_and(|values| values.len() >= GROUP)
        {
            true => self.flush(columns).map_err(of_system),
            false => Ok(()),
        }
    }

    fn finish(&mut self, columns: &Columns) -> io::Result<()> {
        self.flush(columns).map_err(of_system)?;
        match self.writer.take() {
            Some(writer) => writer.close().map(|_| ()).map_err(of_system),
            None => Ok(()),
        }
    }
}
