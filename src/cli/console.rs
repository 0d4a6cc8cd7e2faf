//! Text for people. A closed pipe ends the text, not the training.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, only errors, warnings and results are printed.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether only errors, warnings and results are printed.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A line on standard output, of how things go.
pub(crate) fn line(text: &str) {
    if !is_quiet() {
        result(text);
    }
}

/// A line on standard output that is what the command is for.
pub(crate) fn result(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A line on standard error, where standard output is for programs.
pub(crate) fn aside(text: &str) {
    if !is_quiet() {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// A remark on standard error, once: several trainings side by side have the same ones.
pub(crate) fn note(text: &str) {
    if !is_quiet() && is_new(text) {
        let _ = writeln!(io::stderr().lock(), "note: {text}");
    }
}

/// Something that the user should change, on standard error, once.
pub(crate) fn warning(text: &str) {
    if is_new(text) {
        let _ = writeln!(io::stderr().lock(), "warning: {text}");
    }
}

/// Whether a remark has not been made yet.
fn is_new(text: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.insert(text.to_owned())
}

/// Why the command failed, on standard error.
pub(crate) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}

/// Groups the digits of a number by thousands.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A path as a shell takes it, for a command that the user may repeat.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if cfg!(windows) {
        // A quotation mark cannot be part of a path there.
        let is_plain =
            !text.contains(|c: char| c.is_whitespace() || "&()[]{}^=;!'+,`~%".contains(c));
        return if is_plain {
            text
        } else {
            format!("\"{text}\"")
        };
    }
    match shlex::try_quote(&text) {
        Ok(quoted) => quoted.into_owned(),
        // A zero byte, which no path has.
        Err(_) => text,
    }
}

/// Keeps Mesa's device-selection layer from complaining on machines without a display, one
/// «error» line for every look at the adapters. The layer only reorders them, and this program
/// chooses itself.
pub(crate) fn quiet_drivers() {
    let folder = std::env::var_os("XDG_RUNTIME_DIR");
    // What is empty or relative counts as missing there too.
    let has_display = folder.is_some_and(|folder| Path::new(&folder).is_absolute());
    if cfg!(target_os = "linux") && !has_display {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[cfg(unix)]
    #[test]
    fn paths_are_quoted_where_a_shell_would_cut_them() {
        let quoted = |path: &str| super::quoted(Path::new(path));
        assert_eq!(quoted("runs/digits-1"), "runs/digits-1");
        for path in ["my runs/a", "a'b", "$HOME", "a;b", "a\nb", "~x", "#a"] {
            let words = shlex::split(&quoted(path)).unwrap();
            assert_eq!(words, [path]);
            assert_ne!(quoted(path), path);
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(super::thousands(999.4), "999");
        assert_eq!(super::thousands(1000.0), "1,000");
        assert_eq!(super::thousands(1_234_567.0), "1,234,567");
    }
}
