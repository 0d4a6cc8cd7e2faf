//! What the columns of a table are.

use serde::{Deserialize, Serialize};

use super::Layout;

/// The columns of a table, in the table's order, with what was learned of each from the rows to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Every column that a model reads.
    pub columns: Vec<Column>,
    /// Whether cells can be missing.
    pub masked: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; without a header, its number from 1.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
}

/// What the cells of a column are, and how they become values of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Kind {
    /// Numbers; a model reads (number − mean) / deviation.
    Number {
        /// The mean of the cells that are there.
        mean: f64,
        /// Their standard deviation.
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
}
