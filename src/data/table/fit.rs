//! What a table's columns are: by what is in all its rows, and then by the rows to train on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use csv::StringRecord;

use super::cell::{self, Read};
use super::kinds::{Moments, Tallies, Tally};
use super::reader::Reader;
use super::{Column, Form, Kind, Label, Origin, Role, Schema, Seen, TableError, TableOptions};
use crate::data::DataError;

/// What a table holds.
pub(super) struct Fitted {
    pub(super) schema: Schema,
    /// Rows in all.
    pub(super) rows: usize,
    /// Those that are held out for testing, in ascending order.
    pub(super) held: Vec<usize>,
    /// What the user should be told.
    pub(super) notes: Vec<String>,
}

/// Goes through a table twice: through all rows for what its columns are, through those to train on for their means,
/// deviations and words.
///
/// `hold_out` draws the rows to test with, of so many rows, by their labels where there are any.
pub(super) fn fit(
    origin: &Origin,
    table: &TableOptions,
    hold_out: impl FnOnce(usize, Option<&[u8]>) -> Result<Vec<usize>, DataError>,
) -> Result<Fitted, DataError> {
    let path = origin.path();
    let mut reader = Reader::open(origin, table)?;
    for name in table.columns.keys() {
        if reader.column(name).is_none() {
            return Err(reader.no_column(name));
        }
    }
    let asked: Vec<_> = reader
        .names
        .iter()
        .map(|name| table.columns.get(name).copied())
        .collect();
    let mut tallies = Tallies::new(reader.names.len());
    let mut record = StringRecord::new();
    let mut rows = 0;
    let mut classes = Classes::of(&asked, &reader)?;
    while reader.next(&mut record)? {
        rows += 1;
        classes.add(&record, &reader)?;
        for (index, text) in record.iter().enumerate() {
            // Whatever else a column is, its cells are looked at.
            if !matches!(asked[index], Some(Role::Ignore | Role::Name)) {
                tallies.add(index, text, || reader.at());
            }
        }
    }
    if rows == 0 {
        return Err(TableError::Empty {
            path: path.to_owned(),
            header: reader.header,
        }
        .into());
    }
    let tallies = tallies.into_columns();
    let mut notes = Vec::new();
    let mut schema = Schema::default();
    let mut fits = Vec::new();
    for (index, (name, tally)) in reader.names.iter().zip(&tallies).enumerate() {
        let role = tally
            .decide(name, asked[index], path)
            .map_err(DataError::Table)?;
        match role {
            Role::Ignore => {
                if asked[index].is_none() {
                    notes.push(format!(
                        "column `{name}` has no cell that is there, and is left out"
                    ));
                }
                schema.ignored.push(name.clone());
            }
            Role::Name => schema.names = Some(name.clone()),
            Role::Label => {
                let words = tally.words.iter().flatten().map(|(word, _)| &**word);
                schema.label = Some(Label {
                    name: name.clone(),
                    words: in_order(words),
                });
            }
            _ => fits.push(Fit::new(index, role)),
        }
    }
    if fits.is_empty() {
        return Err(TableError::NoColumns {
            path: path.to_owned(),
        }
        .into());
    }
    let labels = schema
        .label
        .as_ref()
        .map(|label| classes.labels(&label.words));
    let held = hold_out(rows, labels.as_deref())?;
    let skipped = match (&table.only, labels) {
        (Some(only), Some(labels)) => {
            let words = schema.label.as_ref().map_or(&[][..], |label| &label.words);
            // Whoever keeps these rows alone says what is wrong with them.
            let chosen = only.chosen(&name_of(path), words).unwrap_or([true; 256]);
            let is_held = held.iter().copied().collect::<HashSet<_>>();
            let is_skipped = |(row, &label): (usize, &u8)| {
                (!chosen[usize::from(label)] || is_held.contains(&row)).then_some(row)
            };
            labels.iter().enumerate().filter_map(is_skipped).collect()
        }
        _ => held.clone(),
    };
    learn(origin, table, &mut fits, &skipped)?;
    for fit in fits {
        let (name, tally) = (&reader.names[fit.index], &tallies[fit.index]);
        schema.masked |= fit.is_masked(tally, rows);
        schema.columns.push(fit.column(name, tally, &mut notes));
    }
    Ok(Fitted {
        schema,
        rows,
        held,
        notes,
    })
}

/// What the columns of a table are, by all its rows, and what the user should be told of it. Any cell may be missing.
///
/// # Errors
/// [`DataError`] if it cannot be read or is no table to learn from.
pub fn schema_of(
    origin: &Origin,
    options: &TableOptions,
) -> Result<(Schema, Vec<String>), DataError> {
    let fitted = fit(origin, options, |_, _| Ok(Vec::new()))?;
    let schema = Schema {
        masked: true,
        ..fitted.schema
    };
    Ok((schema, fitted.notes))
}

/// The classes of the rows, while they are read, in the order in which these have them.
struct Classes {
    /// The column of labels, where there is one.
    column: Option<usize>,
    numbers: HashMap<Box<str>, u8>,
    classes: Vec<u8>,
}

impl Classes {
    /// Of a table whose columns are to be `asked`.
    fn of(asked: &[Option<Role>], reader: &Reader) -> Result<Self, DataError> {
        let mut of_labels = (0..asked.len()).filter(|&index| asked[index] == Some(Role::Label));
        let column = of_labels.next();
        if let (Some(first), Some(second)) = (column, of_labels.next()) {
            return Err(reader.two_labels([first, second]));
        }
        Ok(Self {
            column,
            numbers: HashMap::new(),
            classes: Vec::new(),
        })
    }

    fn add(&mut self, record: &StringRecord, reader: &Reader) -> Result<(), DataError> {
        let Some(column) = self.column else {
            return Ok(());
        };
        let text = &record[column];
        if cell::is_missing(text) {
            return Err(TableError::NoLabel {
                at: reader.at(),
                column: reader.names[column].clone(),
            }
            .into());
        }
        let word = cell::word(text);
        // More than 256 words are refused when all are known.
        let next = self.numbers.len().min(usize::from(u8::MAX)) as u8;
        let class = match self.numbers.get(word) {
            Some(class) => *class,
            None => {
                if self.numbers.len() <= usize::from(u8::MAX) {
                    self.numbers.insert(word.into(), next);
                }
                next
            }
        };
        self.classes.push(class);
        Ok(())
    }

    /// The class of each row, where that of a word is its number among all `words`.
    fn labels(self, words: &[String]) -> Vec<u8> {
        let mut place = [0; 1 + u8::MAX as usize];
        for (index, word) in (0..=u8::MAX).zip(words) {
            if let Some(&class) = self.numbers.get(word.as_str()) {
                place[usize::from(class)] = index;
            }
        }
        let classes = self.classes.into_iter();
        classes.map(|class| place[usize::from(class)]).collect()
    }
}

/// Goes through the rows to train on, which are all but those that are skipped; these ascend.
fn learn(
    origin: &Origin,
    options: &TableOptions,
    fits: &mut [Fit],
    skipped: &[usize],
) -> Result<(), DataError> {
    let mut reader = Reader::open(origin, options)?;
    let mut record = StringRecord::new();
    let mut skipped = skipped.iter().peekable();
    let mut row = 0;
    while reader.next(&mut record)? {
        if skipped.next_if_eq(&&row).is_none() {
            for fit in &mut *fits {
                fit.add(&record[fit.index]);
            }
        }
        row += 1;
    }
    Ok(())
}

/// What is learned of a column.
struct Fit {
    /// Its number in the file, from 0.
    index: usize,
    role: Role,
    missing: u64,
    moments: Moments,
    words: HashMap<Box<str>, u64>,
}

impl Fit {
    fn new(index: usize, role: Role) -> Self {
        Self {
            index,
            role,
            missing: 0,
            moments: Moments::default(),
            words: HashMap::new(),
        }
    }

    fn add(&mut self, text: &str) {
        if cell::is_missing(text) {
            self.missing += 1;
        } else if self.role == Role::Category {
            let word = cell::word(text);
            match self.words.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    self.words.insert(word.into(), 1);
                }
            }
        } else if let Some(Read::Number(number, form) | Read::Date(number, form)) = cell::read(text)
        {
            self.moments.add(number, form);
        }
    }

    /// Whether the column has cells that are missing, in any row, or that count as such: words of the rows that are
    /// held out alone.
    fn is_masked(&self, tally: &Tally, rows: usize) -> bool {
        let unknown = |words: &HashMap<Box<str>, u64>| {
            words.keys().any(|word| !self.words.contains_key(word))
        };
        tally.cells < rows as u64
            || (self.role == Role::Category && tally.words.as_ref().is_some_and(unknown))
    }

    fn column(self, name: &str, tally: &Tally, notes: &mut Vec<String>) -> Column {
        let (mean, deviation) = self.moments.standard();
        let form = self.moments.form();
        let kind = match self.role {
            Role::Category => Kind::Category {
                words: in_order(self.words.keys().map(|word| &**word)),
            },
            Role::Count => Kind::Count,
            _ => Kind::Number { mean, deviation },
        };
        let is_constant = match &kind {
            Kind::Category { words } => words.len() < 2,
            _ => self.moments.least == self.moments.greatest,
        };
        if is_constant {
            notes.push(format!(
                "column `{name}` has the same value in every row to train on: there is nothing to learn from it, \
                 and it may be ignored"
            ));
        }
        let is_words = self.role == Role::Category;
        Column {
            name: name.to_owned(),
            kind,
            seen: Seen {
                form: if is_words { Form::default() } else { form },
                missing: self.missing,
                least: self.moments.least,
                greatest: self.moments.greatest,
                distinct: tally.distinct(),
            },
        }
    }
}

/// Words in their order: of numbers that of their values, else that of their letters.
fn in_order<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<_> = words.collect::<BTreeSet<_>>().into_iter().collect();
    let number = |word: &&str| word.parse::<f64>().ok();
    if words.iter().all(|word| number(word).is_some()) {
        words.sort_by(|a, b| {
            number(a)
                .partial_cmp(&number(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    words.into_iter().map(str::to_owned).collect()
}

/// The name of a table: its file's without ending.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() {
        "table".to_owned()
    } else {
        stem.to_owned()
    }
}
