//! What can be wrong with a table.

use std::fmt;
use std::path::PathBuf;

use super::{MOST_WORDS, Role};
use crate::setting::{Remedy, Setting};

/// Why a file is no table to learn from, or none of the columns that a model knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file without rows.
    #[error("{}: the table has no rows{}", path.display(), if *header { " below its header" } else { "" })]
    Empty {
        /// The file.
        path: PathBuf,
        /// Whether it has a header.
        header: bool,
    },

    /// Bytes that are no text.
    #[error(
        "{at}: {} (byte {byte}): save the table as UTF-8",
        if *utf16 { "the file is UTF-16" } else { "this is no text in UTF-8" }
    )]
    NotText {
        /// Where.
        at: At,
        /// The byte within the row.
        byte: usize,
        /// Whether the file begins as one of UTF-16.
        utf16: bool,
    },

    /// A row with more or fewer cells than the first.
    #[error(
        "{at} has {found} cells, and the table has {expected} columns: repair that row (a cell that has the delimiter \
         {delimiter:?} in it needs quotes), or choose another delimiter"
    )]
    Ragged {
        /// Where.
        at: At,
        /// Its cells.
        found: usize,
        /// Columns of the table.
        expected: usize,
        /// What separates cells.
        delimiter: char,
    },

    /// A row of more bytes than any row has.
    #[error(
        "{at} goes on for more than {most} bytes: the file is no table, or a quotation mark there is never closed"
    )]
    LongRow {
        /// Where.
        at: At,
        /// Bytes that a row may have.
        most: usize,
    },

    /// More columns than any table has.
    #[error("{}: {found} columns are more than the {most} that a table may have", path.display())]
    ManyColumns {
        /// The file.
        path: PathBuf,
        /// Its columns.
        found: usize,
        /// Columns that it may have.
        most: usize,
    },

    /// Two columns of one name.
    #[error(
        "{}: columns {} and {} are both called `{name}`: rename one, or say that the first row is no header",
        path.display(),
        numbers[0],
        numbers[1]
    )]
    SameName {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The columns' numbers, from 1.
        numbers: [usize; 2],
    },

    /// A setting for a column that is not there.
    #[error("{}: there is no column `{name}` of which anything could be said; there are {}", path.display(), some(columns))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The columns that are there.
        columns: Vec<String>,
    },

    /// Labels in two columns.
    #[error(
        "{}: columns `{}` and `{}` cannot both be labels: choose one, and let the other be a category",
        path.display(),
        columns[0],
        columns[1]
    )]
    TwoLabels {
        /// The file.
        path: PathBuf,
        /// The columns.
        columns: [String; 2],
    },

    /// Nothing is left to learn from.
    #[error("{}: no column is left to learn from: all are ignored, labels, names or without a cell", path.display())]
    NoColumns {
        /// The file.
        path: PathBuf,
    },

    /// A cell that is not what its column's are.
    #[error("{at}, column `{column}`: `{cell}` is no {wanted}: {remedy}")]
    Cell {
        /// Where.
        at: At,
        /// The column's name.
        column: String,
        /// What is there.
        cell: String,
        /// What should be there.
        wanted: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// A number that is none to learn from.
    #[error(
        "{at}, column `{column}`: {cell} is no number to learn from, which are finite and below 1e150: repair it, or \
         leave the cell empty, which says that it is missing"
    )]
    NonFinite {
        /// Where.
        at: At,
        /// The column's name.
        column: String,
        /// What is there.
        cell: String,
    },

    /// Words that are as good as names.
    #[error(
        "{}: column `{column}` has {} different words{}, too many to be categories: leave it out, or \
         have it name the rows{}",
        path.display(),
        if *most == MOST_WORDS { format!("more than {MOST_WORDS}") } else { format!("more than the {most} that labels can have, such") },
        if example.is_empty() { String::new() } else { format!(", such as `{example}`") },
        stray.as_ref().map_or_else(String::new, |(at, cell)| format!(
            "; most of its cells are numbers, and `{cell}` ({at}) is none: if that says that a cell is missing, leave \
             it empty"
        ))
    )]
    ManyWords {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// Words that it may have.
        most: usize,
        /// One of the words.
        example: String,
        /// The first word of a column that else has numbers.
        stray: Option<(At, String)>,
    },

    /// A row without a label.
    #[error("{at} has no label (column `{column}`): leave the row out, or train without labels")]
    NoLabel {
        /// Where.
        at: At,
        /// The column's name.
        column: String,
    },

    /// A missing cell where the model knows of none.
    #[error(
        "{at}, column `{column}`: {}, and the run was trained on a table without missing cells, so that its model has \
         no place for one: fill the cell, or train on a table that has missing cells",
        match word {
            None => "the cell is missing".to_owned(),
            Some(word) => format!("`{word}` is none of the words that the run knows, so that the cell counts as missing"),
        }
    )]
    Missing {
        /// Where.
        at: At,
        /// The column's name.
        column: String,
        /// The word that nobody knows, where there is one.
        word: Option<String>,
    },

    /// Columns that a model needs are not there.
    #[error(
        "{}: {} that {} needed, {}: the table has {}{}",
        path.display(),
        if missing.len() == 1 { "there is no column" } else { "there are no columns" },
        if missing.len() == 1 { "is" } else { "are" },
        some(missing),
        some(columns),
        if *header { "" } else { "; it was taken to be without a header" }
    )]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The columns that are not there.
        missing: Vec<String>,
        /// Those that are.
        columns: Vec<String>,
        /// Whether the file was taken to have a header.
        header: bool,
    },

    /// A file of a format that this program was built without.
    #[error(
        "{}: this program was built without {format}: build it with the cargo feature arrow, or write the table \
         as .csv",
        path.display()
    )]
    WithoutArrow {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
    },

    /// Rows and columns of several kinds cannot be exchanged.
    #[error(
        "{}: rows and columns of a table cannot be exchanged, but those of images and matrices (.mtx): leave the \
         transposition out",
        path.display()
    )]
    Transposed {
        /// The file.
        path: PathBuf,
    },

    /// Images, taken for the rows of a table.
    #[error(
        "{}: the arrays are images, and the rows of a table are arrays (N, D): do not have them taken for a table",
        path.display()
    )]
    Images {
        /// The file.
        path: PathBuf,
    },

    /// A line of a matrix that is not as it should be.
    #[error("{at}: {reason}")]
    Matrix {
        /// Where.
        at: At,
        /// What is wrong.
        reason: String,
    },

    /// A file that is not what its format asks for.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        reason: String,
    },
}

impl TableError {
    /// The settings that put the error right, as data: the message says in words what would be valid.
    pub fn remedies(&self) -> Vec<Remedy> {
        let column = |name: &str, role: Role| {
            Remedy::set(Setting::Column, format!("{name}={}", role.name()))
        };
        match self {
            Self::Ragged { .. } => vec![Remedy::change(Setting::Delimiter)],
            Self::SameName { .. } => vec![Remedy::set(Setting::Header, "no")],
            Self::MissingColumns { header: false, .. } => vec![Remedy::set(Setting::Header, "yes")],
            Self::NoColumn { .. } | Self::Cell { .. } => vec![Remedy::change(Setting::Column)],
            Self::ManyWords { column: name, .. } => {
                vec![column(name, Role::Ignore), column(name, Role::Name)]
            }
            Self::NoLabel { column: name, .. } => vec![column(name, Role::Ignore)],
            Self::Transposed { .. } => vec![Remedy::change(Setting::Transpose)],
            Self::Images { .. } => vec![Remedy::change(Setting::Table)],
            _ => Vec::new(),
        }
    }
}

/// The first few of several names.
fn some(names: &[String]) -> String {
    const FEW: usize = 12;
    let few: Vec<_> = names
        .iter()
        .take(FEW)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().saturating_sub(FEW) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where the file is text; that of a row that goes over several is the first.
    pub line: Option<u64>,
    /// The row, from 1; a header is none.
    pub row: u64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.path.display())?;
        match (self.line, self.row) {
            (Some(line), 0) => write!(f, "line {line}"),
            (Some(line), row) => write!(f, "line {line} (row {row})"),
            (None, row) => write!(f, "row {row}"),
        }
    }
}
