//! Choices that settings give by name.

/// The one of `all` that has this name; else a message that lists them. `what` says what it is none of.
pub(crate) fn find<T: Copy>(
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
    what: &str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name_of(one) == name);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&one| name_of(one)).collect();
        format!("'{name}' is {what}; choose one of {}", names.join(", "))
    })
}
