//! What the machine has, as far as the program asks.

#[cfg(target_os = "linux")]
use std::fs;

/// Bytes of memory that this process may have at the most: the machine's, or of a container its own; `None` where the
/// system does not say.
pub fn memory() -> Option<u64> {
    [physical_memory(), group_memory()]
        .into_iter()
        .flatten()
        .min()
}

#[cfg(unix)]
fn physical_memory() -> Option<u64> {
    // SAFETY: `sysconf` reads nothing of this program's; an unknown name gives -1.
    let [pages, size] =
        [libc::_SC_PHYS_PAGES, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    let [pages, size] = [u64::try_from(pages).ok()?, u64::try_from(size).ok()?];
    pages.checked_mul(size)
}

#[cfg(not(unix))]
fn physical_memory() -> Option<u64> {
    None
}

/// The limit of the process's control group: of version 2, or of version 1.
#[cfg(target_os = "linux")]
fn group_memory() -> Option<u64> {
    let limits = ["memory.max", "memory/memory.limit_in_bytes"].map(|file| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?;
        text.trim().parse().ok()
    });
    limits.into_iter().flatten().min()
}

#[cfg(not(target_os = "linux"))]
fn group_memory() -> Option<u64> {
    None
}

/// Bytes for people: `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number of bytes as people write it: `500MB`, `2GiB`, `1.5 GB`, `4096`.
///
/// # Errors
/// Where the text is no such number, with what would be one.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number
        .trim()
        .parse()
        .ok()
        .filter(|&number: &f64| number > 0.0);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1.0),
        "k" | "kb" => Some(1e3),
        "m" | "mb" => Some(1e6),
        "g" | "gb" => Some(1e9),
        "t" | "tb" => Some(1e12),
        "kib" => Some(1024.0),
        "mib" => Some(1024.0 * 1024.0),
        "gib" => Some(1024.0 * 1024.0 * 1024.0),
        "tib" => Some(1024.0 * 1024.0 * 1024.0 * 1024.0),
        _ => None,
    };
    match (number, unit) {
        (Some(number), Some(unit)) if number.is_finite() => Ok((number * unit) as u64),
        _ => Err("give a number of bytes such as 500MB or 2GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("4096", 4096),
            ("500MB", 500_000_000),
            ("1.5 gib", 3 << 29),
            ("2g", 2_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes));
        }
        for text in ["", "GB", "0", "-1GB", "1 sheep", "nan", "infGB"] {
            assert!(parse_size(text).unwrap_err().contains("500MB"), "{text}");
        }
        assert_eq!(size(3 << 29), "1.5 GiB");
    }

    #[cfg(unix)]
    #[test]
    fn this_machine_has_memory() {
        assert!(memory().is_some_and(|bytes| bytes > 1 << 26));
    }
}
