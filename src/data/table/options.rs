//! How a table is read, where its contents do not say it rightly.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Schema;
use crate::data::Labels;

/// How the file of a table is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableOptions {
    /// What separates cells; by default whichever of `,`, `;`, tab and `|` separates the first rows best.
    pub delimiter: Option<Delimiter>,
    /// Whether the first row has the names of the columns; by default its contents say it.
    pub header: Option<bool>,
    /// What columns are, by name, where it is not what is in them.
    pub columns: BTreeMap<String, Role>,
    /// What the columns are of the table that a model was trained on: those of other names are passed over, and
    /// `columns` counts for nothing.
    pub schema: Option<Arc<Schema>>,
    /// Labels of the rows by which numbers are standardised and words known, where not by all rows to train on: those
    /// that [`Dataset::keep_only`](crate::data::Dataset::keep_only) will keep.
    pub only: Option<Labels>,
    /// Whether an array's rows are those of a table, whose columns are standardised.
    pub array: bool,
}

/// What separates the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delimiter(pub u8);

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.as_bytes()) {
            ("tab" | "\\t" | "\t", _) => Ok(Self(b'\t')),
            ("comma", _) => Ok(Self(b',')),
            ("semicolon", _) => Ok(Self(b';')),
            ("space", _) => Ok(Self(b' ')),
            ("\"" | "\n" | "\r", _) => Err(format!("{text:?} cannot separate cells")),
            (_, &[byte]) if byte.is_ascii() => Ok(Self(byte)),
            _ => Err(format!(
                "`{text}` is no single character, nor tab, space, comma or semicolon"
            )),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => f.write_str("tab"),
            byte => write!(f, "{}", char::from(byte)),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> Self {
        delimiter.to_string()
    }
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Numbers, which are standardised.
    Number,
    /// Whole numbers from 0 on.
    Count,
    /// Words.
    Category,
    /// Days, or days with a time.
    Date,
    /// Nothing that a model should see.
    Ignore,
    /// The class of the row.
    Label,
    /// What the row is called.
    Name,
}

impl Role {
    /// Every role, with its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("number", Self::Number),
        ("count", Self::Count),
        ("category", Self::Category),
        ("date", Self::Date),
        ("ignore", Self::Ignore),
        ("label", Self::Label),
        ("name", Self::Name),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, role)| *role == self);
        known.map_or("", |(name, _)| name)
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, role)| *role).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!(
                "`{text}` is nothing that a column can be: choose from {}",
                names.join(", ")
            )
        })
    }
}
