//! What the first rows of a text say of how it is written: its delimiter, and whether it has a header.

use std::collections::HashSet;

use csv::ByteRecord;

use super::{TableOptions, cell, text};

/// Delimiters that are tried, and which is taken where several do as well.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at.
const ROWS: usize = 200;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub(super) delimiter: u8,
    pub(super) header: bool,
}

/// Looks at a file's first bytes, which are all of it or not.
pub(super) fn sniff(start: &[u8], whole: bool, ending: &str, options: &TableOptions) -> Sniffed {
    let rows = |delimiter: u8| rows(start, whole, delimiter);
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter.0,
        None if ending == "tsv" => b'\t',
        None => {
            let mut best = (0.0, b',');
            for delimiter in DELIMITERS {
                let score = score(&rows(delimiter));
                if score > best.0 {
                    best = (score, delimiter);
                }
            }
            best.1
        }
    };
    let header = options.header.unwrap_or_else(|| {
        let rows = rows(delimiter);
        let known = options.schema.as_deref();
        let known: HashSet<&str> = known
            .into_iter()
            .flat_map(|schema| schema.columns.iter().map(|column| column.name.as_str()))
            .collect();
        match rows.first() {
            // Names without a header are numbers, which a first row may have by chance.
            Some(first) if !known.is_empty() => {
                let named = |name: &str| known.contains(name) && cell::read(name).is_none();
                first.iter().any(|name| named(name)) || is_header(&rows)
            }
            _ => is_header(&rows),
        }
    });
    Sniffed { delimiter, header }
}

/// The first rows, whose cells are text; none of what is cut short.
fn rows(start: &[u8], whole: bool, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = text::builder(delimiter).from_reader(start);
    let mut record = ByteRecord::new();
    let mut rows = Vec::new();
    while rows.len() < ROWS && matches!(reader.read_byte_record(&mut record), Ok(true)) {
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
        rows.push(record.iter().map(text).collect());
    }
    if !whole && rows.len() > 1 && reader.position().byte() as usize >= start.len() {
        rows.pop();
    }
    rows
}

/// How well a delimiter separates rows: the share of rows that have as many cells as the first, of which there must be
/// two, times the share of cells that have no other delimiter in them. More cells decide between equals.
fn score(rows: &[Vec<String>]) -> f64 {
    let width = rows.first().map_or(0, Vec::len);
    if width < 2 {
        return 0.0;
    }
    let alike = rows.iter().filter(|row| row.len() == width).count();
    let cells = rows.iter().flatten();
    // A comma within a number is a decimal one.
    let is_clean = |cell: &&String| {
        let other = cell
            .chars()
            .any(|c| c.is_ascii() && DELIMITERS.contains(&(c as u8)));
        !other || decimal_comma(cell).is_some()
    };
    let clean = cells.clone().filter(is_clean).count() as f64 / cells.count() as f64;
    let alike = alike as f64 / rows.len() as f64;
    alike * alike * clean + 1e-6 * width.min(1_000) as f64
}

/// A number with a decimal comma, with a point in its place.
pub(super) fn decimal_comma(cell: &str) -> Option<String> {
    let (whole, decimals) = cell.split_once(',')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole_digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let is_number = !whole_digits.is_empty()
        && !decimals.is_empty()
        && digits(whole_digits)
        && digits(decimals);
    is_number.then(|| format!("{whole}.{decimals}"))
}

/// Whether the first row has names: some text in it, no number and no date, and no word that its column has again.
fn is_header(rows: &[Vec<String>]) -> bool {
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    let is_name = |name: &String| cell::read(name).is_none();
    let again = |(column, name): (usize, &String)| {
        !name.is_empty() && rest.iter().any(|row| row.get(column) == Some(name))
    };
    first.iter().any(|name| !cell::is_missing(name))
        && first.iter().all(is_name)
        && !first.iter().enumerate().any(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_headers_are_told_by_contents() {
        for (text, delimiter, header) in [
            ("a,b\n1,2\n3,4\n", b',', true),
            ("1,2\n3,4\n", b',', false),
            ("a;b\n1,5;2,25\n3,5;4,75\n", b';', true),
            ("name\tprice\nx, y\t3\nz, w\t4\n", b'\t', true),
            ("x|1\ny|2\nx|3\n", b'|', false),
            ("red,yes\nblue,no\nred,no\n", b',', false),
            ("colour,answer\nred,yes\nblue,no\nred,no\n", b',', true),
            (",a,b\n0,x,y\n1,z,w\n", b',', true),
            ("\"a,b\";c\n\"d,e\";2\n", b';', true),
            ("alone\n1\n2\n", b',', true),
        ] {
            let found = sniff(text.as_bytes(), true, "csv", &TableOptions::default());
            assert_eq!(found, Sniffed { delimiter, header }, "{text}");
        }
    }
}
