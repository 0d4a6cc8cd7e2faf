//! What the columns of a table are.

use serde::{Deserialize, Serialize};

use super::{Form, Layout};

/// The columns of a table, in the table's order, with what was learned of each from the rows to train on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Every column that a model reads.
    pub columns: Vec<Column>,
    /// Whether cells can be missing.
    pub masked: bool,
    /// The column of labels, where there is one: no model reads it as a part of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The column that says what each row is called, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// Columns that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// A column of labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The column's name.
    pub name: String,
    /// Its words: class n is the n-th.
    pub words: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; without a header, its number from 1.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// What was seen of its cells in the rows to train on.
    #[serde(default)]
    pub seen: Seen,
}

/// What the cells of a column are, and how they become values of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Kind {
    /// Numbers, and dates as seconds since 1970; a model reads (number − mean) / deviation.
    Number {
        /// The mean of the cells that are there.
        mean: f64,
        /// Their standard deviation, as of a whole population; 1 where they are all the same.
        deviation: f64,
    },
    /// Whole numbers from 0 on, which a model reads as they are.
    Count,
    /// One of several words.
    Category {
        /// The words, each of which is a value of the row.
        words: Vec<String>,
    },
}

/// What was seen of a column's cells in the rows to train on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// How its numbers are written.
    pub form: Form,
    /// Cells that are missing.
    pub missing: u64,
    /// The least number; 0 of words.
    pub least: f64,
    /// The greatest number; 0 of words.
    pub greatest: f64,
    /// Different values, in all rows; `None` where they are more than are told apart
    /// ([`MOST_WORDS`](super::MOST_WORDS)).
    pub distinct: Option<u64>,
}

impl Column {
    /// A column of this name and kind, of which nothing else is known.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            seen: Seen::default(),
        }
    }

    /// Values of the column in a model's row, without the one that says whether its cell is there.
    pub fn width(&self) -> usize {
        match &self.kind {
            Kind::Number { .. } | Kind::Count => 1,
            Kind::Category { words } => words.len(),
        }
    }
}

impl Schema {
    /// Where the columns lie in a model's row.
    pub fn layout(&self) -> Layout {
        let mut layout = Layout {
            numbers: 0,
            counts: 0,
            categories: Vec::new(),
            masked: self.masked,
        };
        for column in &self.columns {
            match &column.kind {
                Kind::Number { .. } => layout.numbers += 1,
                Kind::Count => layout.counts += 1,
                Kind::Category { words } => layout.categories.push(words.len()),
            }
        }
        layout
    }

    /// Of each column, in the table's order, where its values begin in a model's row, and which of the values that
    /// say whether a cell is there is its own, counted from the first of these.
    pub fn places(&self) -> Vec<Place> {
        let layout = self.layout();
        let rank = |kind: &Kind| match kind {
            Kind::Number { .. } => 0,
            Kind::Count => 1,
            Kind::Category { .. } => 2,
        };
        let mut start = [0, layout.numbers, layout.numbers + layout.counts];
        let mut number = start;
        self.columns
            .iter()
            .map(|column| {
                let rank = rank(&column.kind);
                let place = Place {
                    start: start[rank],
                    number: number[rank],
                };
                start[rank] += column.width();
                number[rank] += 1;
                place
            })
            .collect()
    }
}

/// Where a column lies in a model's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first value.
    pub start: usize,
    /// Its number among the columns as the row has them; where the row says which cells are there, the value
    /// `layout.values() + number` says it of this one.
    pub number: usize,
}
