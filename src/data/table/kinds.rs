//! What a column is, by what is in it.
//!
//! | what its cells are | what the column is |
//! |---|---|
//! | dates as ISO 8601 writes them | dates |
//! | numbers, all the same | a category of one word |
//! | whole numbers of at most [`FEW`] values, each there ten times in the mean | categories |
//! | whole numbers from 0 to at most [`MOST_OF_A_COUNT`] that vary about as much as a Poisson variable, or more | counts |
//! | other numbers | numbers |
//! | words, or words and numbers, of at most [`MOST_WORDS`](super::MOST_WORDS) values | categories |

use std::collections::HashMap;

use super::cell::{self, Read};
use super::{At, Form, MOST_WORDS, Role, TableError};

/// Values that whole numbers which are categories have at most.
pub const FEW: usize = 20;
/// Rows that each of these values has in the mean.
const ROWS_PER_VALUE: u64 = 10;
/// The greatest number that is taken for a count without being told.
pub const MOST_OF_A_COUNT: f64 = 255.0;
/// Variance of counts at least, in the mean's: a Poisson variable has 1, and a negative binomial one more. What is
/// drawn of the former may have a little less.
const LEAST_SPREAD: f64 = 0.8;
/// Bytes of words that are told apart, over all columns.
const MOST_BYTES: usize = 1 << 25;

/// What the columns of a table have in them.
pub(super) struct Tallies {
    columns: Vec<Tally>,
    /// Bytes of the words that are kept.
    bytes: usize,
}

impl Tallies {
    /// Of so many columns, of which nothing was seen yet.
    pub(super) fn new(columns: usize) -> Self {
        let columns = (0..columns).map(|_| Tally::default()).collect();
        Self { columns, bytes: 0 }
    }

    /// Adds a column's cell.
    pub(super) fn add(&mut self, column: usize, text: &str, at: impl FnOnce() -> At) {
        self.columns[column].add(text, at, &mut self.bytes);
    }

    pub(super) fn into_columns(self) -> Vec<Tally> {
        self.columns
    }
}

/// What a column has in it.
pub(super) struct Tally {
    /// Cells that are there.
    pub(super) cells: u64,
    /// Of them, numbers.
    numbers: u64,
    /// Of these, whole ones from 0 on.
    whole: u64,
    /// Dates.
    dates: u64,
    greatest: f64,
    mean: f64,
    /// Σ(number − mean)².
    squares: f64,
    /// The words, until there are too many.
    pub(super) words: Option<HashMap<Box<str>, u64>>,
    /// The first cell that is neither a number nor a date.
    stray: Option<(At, String)>,
    /// The first cell that is no number.
    other: Option<(At, String)>,
    /// The first number that is no whole one from 0 on.
    broken: Option<(At, String)>,
    /// The first number that is not finite.
    non_finite: Option<(At, String)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            cells: 0,
            numbers: 0,
            whole: 0,
            dates: 0,
            greatest: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            words: Some(HashMap::new()),
            stray: None,
            other: None,
            broken: None,
            non_finite: None,
        }
    }
}

impl Tally {
    fn add(&mut self, text: &str, at: impl FnOnce() -> At, bytes: &mut usize) {
        if cell::is_missing(text) {
            return;
        }
        self.cells += 1;
        let first = match cell::read(text) {
            Some(Read::Number(number, _)) => {
                self.numbers += 1;
                self.greatest = self.greatest.max(number);
                let distance = number - self.mean;
                self.mean += distance / self.numbers as f64;
                self.squares += distance * (number - self.mean);
                let is_whole = number >= 0.0 && number.fract() == 0.0;
                self.whole += u64::from(is_whole);
                (!is_whole).then_some(&mut self.broken)
            }
            Some(Read::NonFinite) => Some(&mut self.non_finite),
            Some(Read::Date(..)) => {
                self.dates += 1;
                Some(&mut self.other)
            }
            None => Some(&mut self.stray),
        };
        if let Some(first @ None) = first {
            *first = Some((at(), shortened(text)));
        }
        let word = cell::word(text);
        let Some(words) = &mut self.words else {
            return;
        };
        if let Some(count) = words.get_mut(word) {
            *count += 1;
            return;
        }
        *bytes += word.len();
        if words.len() == MOST_WORDS || *bytes > MOST_BYTES {
            *bytes -= word.len() + words.keys().map(|word| word.len()).sum::<usize>();
            self.words = None;
            return;
        }
        words.insert(word.into(), 1);
    }

    /// How many different values there are, if they are few enough to be told apart.
    pub(super) fn distinct(&self) -> Option<u64> {
        self.words.as_ref().map(|words| words.len() as u64)
    }

    /// What the column is by its cells; `None` where none is there.
    fn own(&self) -> Option<Role> {
        if self.cells == 0 {
            return None;
        }
        if self.dates == self.cells {
            return Some(Role::Date);
        }
        let are_numbers = self.numbers == self.cells || self.mostly_numbers();
        let Some(distinct) = self.distinct().filter(|_| are_numbers) else {
            return Some(if are_numbers {
                Role::Number
            } else {
                Role::Category
            });
        };
        if distinct == 1 {
            return Some(Role::Category);
        }
        let spread = self.squares / self.numbers as f64;
        Some(match self.broken.is_none() {
            true if distinct <= FEW as u64 && distinct * ROWS_PER_VALUE <= self.cells => {
                Role::Category
            }
            true if self.greatest <= MOST_OF_A_COUNT && spread >= LEAST_SPREAD * self.mean => {
                Role::Count
            }
            _ => Role::Number,
        })
    }

    /// Whether all cells are numbers, but that some are not finite.
    fn mostly_numbers(&self) -> bool {
        self.non_finite.is_some()
            && self.stray.is_none()
            && self.other.is_none()
            && self.numbers > 0
    }

    /// What the column is: as it was asked for, or by its cells; checked against these.
    pub(super) fn decide(
        &self,
        name: &str,
        asked: Option<Role>,
        path: &std::path::Path,
    ) -> Result<Role, Box<TableError>> {
        let Some(role) = asked.or_else(|| self.own()) else {
            return Ok(Role::Ignore);
        };
        let wrong = |first: &Option<(At, String)>, wanted, remedy| match first {
            Some((at, cell)) => Err(Box::new(TableError::Cell {
                at: at.clone(),
                column: name.to_owned(),
                cell: cell.clone(),
                wanted,
                remedy,
            })),
            None => Ok(()),
        };
        let spare = "repair the cell, leave it empty to say that it is missing, or say what else the \
                     column is";
        match role {
            Role::Number | Role::Count => {
                let wanted = if role == Role::Count {
                    "count"
                } else {
                    "number"
                };
                wrong(&self.stray, wanted, spare)?;
                wrong(&self.other, wanted, spare)?;
                if let Some((at, cell)) = &self.non_finite {
                    return Err(Box::new(TableError::NonFinite {
                        at: at.clone(),
                        column: name.to_owned(),
                        cell: cell.clone(),
                    }));
                }
                if role == Role::Count {
                    let remedy = "counts are whole numbers from 0 on; repair the cell, or have the column be numbers";
                    wrong(&self.broken, "count", remedy)?;
                }
            }
            Role::Date => {
                wrong(
                    &self.stray,
                    "date as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS",
                    spare,
                )?;
                if self.numbers > 0 || self.non_finite.is_some() {
                    let all = "its cells are numbers, which the column may be taken for";
                    let first = self.broken.clone().or_else(|| self.non_finite.clone());
                    let at = At {
                        path: path.to_owned(),
                        line: None,
                        row: 1,
                    };
                    let first = first.unwrap_or((at, format!("{}", self.greatest)));
                    wrong(&Some(first), "date as YYYY-MM-DD", all)?;
                }
            }
            Role::Category | Role::Label => {
                let most = if role == Role::Label { 256 } else { MOST_WORDS };
                if self.words.as_ref().is_none_or(|words| words.len() > most) {
                    let mostly = self.numbers > self.cells / 2;
                    let stray = self.stray.clone().filter(|_| mostly);
                    let example = self.stray.clone().filter(|_| !mostly);
                    return Err(Box::new(TableError::ManyWords {
                        path: path.to_owned(),
                        column: name.to_owned(),
                        most,
                        example: example.map(|(_, cell)| cell).unwrap_or_default(),
                        stray,
                    }));
                }
            }
            Role::Ignore | Role::Name => {}
        }
        Ok(role)
    }
}

/// The first characters of a cell, for a message.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What was learned of a column of numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    form: Option<Form>,
}

impl Moments {
    /// Adds a number that is written so.
    pub(super) fn add(&mut self, number: f64, form: Form) {
        if self.count == 0 {
            (self.least, self.greatest) = (number, number);
        }
        self.count += 1;
        let distance = number - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (number - self.mean);
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.form = Some(self.form.map_or(form, |own| own.or(form)));
    }

    /// How all of them can be written.
    pub(super) fn form(&self) -> Form {
        self.form.unwrap_or_default()
    }

    /// Their mean and deviation; 1 in the place of a deviation that is none to divide by.
    pub(super) fn standard(&self) -> (f64, f64) {
        let deviation = (self.squares / (self.count as f64).max(1.0)).sqrt();
        // The rounding of equal numbers' mean may leave a deviation far below their own digits.
        let is_spread = deviation > self.mean.abs() * 1e-14 && deviation.is_normal();
        (self.mean, if is_spread { deviation } else { 1.0 })
    }
}
