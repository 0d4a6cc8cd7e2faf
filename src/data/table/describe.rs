//! What the columns of a table are, for people.

use std::fmt;

use super::{Column, Kind, MOST_WORDS, Schema};

/// Columns that are told one by one.
const MOST: usize = 60;
/// Characters of a name, and of what a column has in it.
const WIDTH: usize = 48;

impl Schema {
    /// The headings, then for each column its name, what it is, cells that are missing and different values in the rows
    /// to train on, its range or its words. Of a wide table the first columns.
    pub fn described(&self) -> Vec<[String; 5]> {
        let shown = &self.columns[..self.columns.len().min(MOST)];
        let mut lines =
            vec![["column", "kind", "missing", "distinct", "range or words"].map(str::to_owned)];
        lines.extend(shown.iter().map(line));
        let marked = |name: &String, kind: &str, what: String| {
            [
                shortened(name),
                kind.to_owned(),
                String::new(),
                String::new(),
                what,
            ]
        };
        lines.extend(self.label.iter().map(|label| {
            let mut line = marked(&label.name, "label", words(&label.words));
            line[3] = label.words.len().to_string();
            line
        }));
        let name = self.names.iter();
        lines.extend(name.map(|name| marked(name, "name", String::new())));
        let ignored = self.ignored.iter().take(MOST);
        lines.extend(ignored.map(|name| marked(name, "ignore", String::new())));
        lines
    }
}

/// What [`Schema::described`] has, a line for each column.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.described();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or(0));
        for (number, [name, kind, missing, distinct, range]) in lines.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let [a, b, c, d] = widths;
            let text = format!("{name:a$}  {kind:b$}  {missing:>c$}  {distinct:>d$}  {range}");
            write!(f, "{}", text.trim_end())?;
        }
        let more = self.columns.len().saturating_sub(MOST);
        if more > 0 {
            write!(f, "\n… and {more} more columns")?;
        }
        Ok(())
    }
}

fn line(column: &Column) -> [String; 5] {
    let seen = &column.seen;
    let number = |number: f64| {
        let mut text = String::new();
        seen.form.write(number, &mut text);
        text
    };
    let (kind, range) = match &column.kind {
        Kind::Category { words: all } => ("category", words(all)),
        kind => {
            let name = match kind {
                Kind::Count => "count",
                _ if seen.form.is_date() => "date",
                _ => "number",
            };
            (
                name,
                format!("{} to {}", number(seen.least), number(seen.greatest)),
            )
        }
    };
    let distinct = seen
        .distinct
        .map_or_else(|| format!(">{MOST_WORDS}"), |count| count.to_string());
    [
        shortened(&column.name),
        kind.to_owned(),
        seen.missing.to_string(),
        distinct,
        range,
    ]
}

/// The first of several words.
fn words(all: &[String]) -> String {
    let mut text = String::new();
    for (number, word) in all.iter().enumerate() {
        let comma = if number > 0 { ", " } else { "" };
        if text.chars().count() + word.chars().count() > WIDTH && number > 0 {
            return format!("{text}{comma}…");
        }
        text += comma;
        text += &shortened(word);
    }
    text
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
