//! Text in columns.

/// Columns of a line, which the longest words alone exceed.
pub(crate) const COLUMNS: usize = 100;

/// Words behind `head`, broken at spaces; further lines are indented as far as the first one's words.
pub(crate) fn hanging(head: &str, text: &str) -> String {
    let indent = head.chars().count();
    let mut lines = vec![head.to_owned()];
    let mut width = indent;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if width > indent && width + 1 + len > COLUMNS {
            lines.push(" ".repeat(indent));
            width = indent;
        }
        let Some(line) = lines.last_mut() else { break };
        if width > indent {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += len;
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// Rows of as many cells below one another: those of the first column begin together, the others end together.
pub(crate) fn table<R: AsRef<[String]>>(rows: &[R]) -> String {
    let columns = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.as_ref().get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &R| {
        let cells = row.as_ref().iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A number of bytes in three digits.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    // What would be rounded to 1000 is 1 of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 || value >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_499, "999 kB"),
            (999_600, "1.00 MB"),
            (3_000_000_000, "3.00 GB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn the_cells_of_a_column_end_together() {
        let rows = [["a", "12.5", ""], ["long", "7", "nats"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a     12.5\nlong     7  nats");
        assert_eq!(table::<[String; 2]>(&[]), "");
    }

    #[test]
    fn long_text_hangs_below_its_first_line() {
        let text = hanging("  a  ", &"word ".repeat(40));
        assert!(text.lines().count() == 3, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(text.lines().skip(1).all(|line| line.starts_with("     w")));
        assert_eq!(hanging("alone", ""), "alone");
    }
}
