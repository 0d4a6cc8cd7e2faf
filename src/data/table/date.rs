//! Dates as ISO 8601 writes them, as seconds since 1970 in the Gregorian calendar.

use std::fmt::{self, Write};

use super::Form;

/// Seconds of a day.
pub(super) const DAY: f64 = 86_400.0;

/// Days from 1970-01-01 to a day, by Howard Hinnant's `days_from_civil`: years begin in March, so that a leap day is
/// their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01; the inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Digits alone, as a number.
fn digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// Seconds since 1970 of `YYYY-MM-DD`, alone or with `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff` after a `T` or a space, and
/// after that with `Z` or an offset from UTC as `+02:00`; with the form in which such dates are written. `None` of any
/// other text, and of days that no month has.
pub(super) fn parse(text: &str) -> Option<(f64, Form)> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' || !text.is_ascii() {
        return None;
    }
    let year = digits(&text[..4])?;
    let [month, day] = [digits(&text[5..7])?, digits(&text[8..10])?];
    let days = days(year, month.clamp(1, 12), day);
    if civil(days) != (year, month, day) {
        return None;
    }
    let midnight = days as f64 * DAY;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some((midnight, Form::Date));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(at);
    let time = seconds(time)?;
    if zone.is_empty() {
        return Some((midnight + time, Form::DateTime));
    }
    Some((midnight + time - offset(zone)?, Form::Utc))
}

/// Seconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`.
fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let [hour, minute] = [digits(parts.next()?)?, digits(parts.next()?)?];
    let second = parts.next().unwrap_or("0");
    let (whole, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let whole = digits(whole)?;
    digits(fraction)?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    // A leap second is the first of the next minute.
    let is_time = parts.next().is_none() && hour <= 24 && minute < 60 && whole <= 60;
    is_time.then(|| (hour * 3600 + minute * 60 + whole) as f64 + fraction)
}

/// Seconds by which the clocks of `Z`, `+02:00`, `+0200` or `+02` are ahead of UTC's.
fn offset(text: &str) -> Option<f64> {
    let (sign, text) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return (text.len() == 1).then_some(0.0),
    };
    let text = text.replace(':', "");
    let (hours, minutes) = match text.len() {
        2 => (digits(&text)?, 0),
        4 => (digits(&text[..2])?, digits(&text[2..])?),
        _ => return None,
    };
    Some((sign * (hours * 3600 + minutes * 60)) as f64)
}

/// Appends the day of a number of seconds since 1970.
pub(super) fn write_day(seconds: f64, text: &mut String) -> fmt::Result {
    // Four digits are all that a year has.
    let day = (seconds / DAY).floor().clamp(-719_528.0, 2_932_896.0);
    let (year, month, day) = civil(day as i64);
    write!(text, "{year:04}-{month:02}-{day:02}")
}

/// Appends the day and the time, in whole seconds.
pub(super) fn write_time(seconds: f64, text: &mut String) -> fmt::Result {
    write_day(seconds, text)?;
    let second = seconds.rem_euclid(DAY) as u32;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    write!(text, "T{hour:02}:{minute:02}:{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written_back() {
        for (text, seconds) in [
            ("1970-01-01", 0.0),
            ("2000-02-29", 951_782_400.0),
            ("1969-12-31", -86_400.0),
            ("2024-02-29T12:30:05", 1_709_209_805.0),
            ("2024-02-29T12:30:05Z", 1_709_209_805.0),
        ] {
            let (found, form) = parse(text).unwrap();
            let mut written = String::new();
            form.write(found, &mut written);
            assert_eq!((found, written.as_str()), (seconds, text));
        }
        let zoned = parse("2024-02-29 12:30+02:00").unwrap();
        assert_eq!(zoned, (1_709_209_800.0 - 7_200.0, Form::Utc));
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-01",
            "2024-01-01x",
            "2024-01-01T25:00",
            "2024-01-01T10:00+1",
            "20240101",
            "ab",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_has_its_own_number() {
        for number in -719_528..-719_528 + 146_098 {
            let (year, month, day) = civil(number);
            assert_eq!(days(year, month, day), number);
        }
    }
}
