//! A cell: text in a file, a number or a word of its column.

use super::{Form, date};

/// What says that a cell is missing, besides an empty cell.
pub const MISSING: [&str; 13] = [
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "?",
];

/// Numbers from here on are none to learn from: their squares are no numbers.
const TOO_LARGE: f64 = 1e150;

/// A cell, in the table's own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// It is not known.
    Missing,
    /// A number, a count, or the seconds of a date since 1970.
    Number(f64),
    /// A word of the column's, by its number from 0.
    Word(usize),
}

/// Whether a cell's text, without space around it, says that it is missing.
pub(super) fn is_missing(text: &str) -> bool {
    text.is_empty() || (text.len() <= 4 && MISSING.contains(&text))
}

/// What a cell's text can be read as, if it is no word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Read {
    /// A number, and how it is written.
    Number(f64, Form),
    /// A number that is none to learn from.
    NonFinite,
    /// A date in seconds since 1970, and how it is written.
    Date(f64, Form),
}

/// Reads a cell that is not missing; `None` of a word.
pub(super) fn read(text: &str) -> Option<Read> {
    let first = *text.as_bytes().first()?;
    // What else begins a number is the i of infinity.
    let may_be = first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.' | b'i' | b'I');
    if !may_be {
        return None;
    }
    match text.parse::<f64>() {
        Ok(number) if number.abs() < TOO_LARGE => Some(Read::Number(number, Form::of(text))),
        Ok(_) => Some(Read::NonFinite),
        Err(_) => date::parse(text).map(|(seconds, form)| Read::Date(seconds, form)),
    }
}

/// A cell as a word: a whole number without the point that programs write behind a float's, else the text itself.
pub(super) fn word(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') && is_whole(whole) =>
        {
            whole
        }
        _ => text,
    }
}

/// Digits, with a sign or without.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_missing_numbers_dates_or_words() {
        for text in ["", "NA", "NaN", "null", "?", "None", "n/a"] {
            assert!(is_missing(text), "{text}");
        }
        for text in ["0", "nano", "none", "no"] {
            assert!(!is_missing(text), "{text}");
        }
        assert_eq!(read("-1.50"), Some(Read::Number(-1.5, Form::Decimals(1))));
        assert_eq!(read("1e3"), Some(Read::Number(1000.0, Form::Float)));
        assert_eq!(read("inf"), Some(Read::NonFinite));
        assert_eq!(read("1e200"), Some(Read::NonFinite));
        assert_eq!(read("1970-01-02"), Some(Read::Date(86_400.0, Form::Date)));
        assert_eq!(read("1,5"), None);
        assert_eq!(read("infant"), None);
        assert_eq!(
            [word("3.0"), word("3.50"), word("a.0"), word("007")],
            ["3", "3.50", "a.0", "007"]
        );
    }
}
