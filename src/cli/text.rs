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

#[cfg(test)]
mod tests {
    use super::*;

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
