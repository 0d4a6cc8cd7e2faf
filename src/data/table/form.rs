//! How the numbers of a column are written: with so many decimals, or as dates.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::date;

/// Decimals beyond which a number is written with as many digits as tell it from its neighbours.
const MOST_DECIMALS: u8 = 9;

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// With as many digits as an `f32` has.
    #[default]
    Float,
    /// With at most so many digits behind the point; whole numbers have 0.
    Decimals(u8),
    /// As a day, `2024-02-29`.
    Date,
    /// As a day and a time, `2024-02-29T12:30:00`.
    DateTime,
    /// As a day and a time of UTC, `2024-02-29T12:30:00Z`.
    Utc,
}

impl Form {
    /// Whether the numbers are seconds since 1970.
    pub fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateTime | Self::Utc)
    }

    /// The form in which both can be written.
    pub(super) fn or(self, other: Self) -> Self {
        use Form::*;
        match (self, other) {
            (Decimals(a), Decimals(b)) => Decimals(a.max(b)),
            (Date, Date) => Date,
            (Utc, Utc | Date) | (Date, Utc) => Utc,
            (a, b) if a.is_date() && b.is_date() => DateTime,
            _ => Float,
        }
    }

    /// The form of a number by its text.
    pub(super) fn of(text: &str) -> Self {
        if text.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
            return Self::Float;
        }
        let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
        // 1.0 is whole: programs write so whatever is a float.
        let decimals = decimals.trim_end_matches('0').len();
        match u8::try_from(decimals) {
            Ok(decimals) if decimals <= MOST_DECIMALS => Self::Decimals(decimals),
            _ => Self::Float,
        }
    }

    /// The number that is written where this one would be: of the form's decimals, or a whole day or second.
    pub fn round(self, number: f64) -> f64 {
        match self {
            Self::Float => number,
            Self::Decimals(decimals) => {
                let unit = 10f64.powi(i32::from(decimals));
                let rounded = (number * unit).round() / unit;
                // Of numbers beyond 10^299 the product is infinite.
                if rounded.is_finite() { rounded } else { number }
            }
            Self::Date => (number / date::DAY).round() * date::DAY,
            Self::DateTime | Self::Utc => number.round(),
        }
    }

    /// Appends a number as it is written.
    pub fn write(self, number: f64, text: &mut String) {
        let number = self.round(number);
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Decimals(0) if number.abs() < 1e15 => write!(text, "{}", number as i64),
            Self::Decimals(_) => write!(text, "{number}"),
            // An f32's shortest digits: a model knows no more.
            Self::Float => write!(text, "{}", number as f32),
            Self::Date => date::write_day(number, text),
            Self::DateTime => date::write_time(number, text),
            Self::Utc => date::write_time(number, text).and_then(|()| text.write_char('Z')),
        };
    }
}
