//! What another program calls a model's tensors.

use std::collections::BTreeMap;

use crate::executor::ParameterSpec;

/// Names of tensors, or of all that begin with a name and a dot, and what another program has in their place.
///
/// ```
/// use vae_wgpu::train::Names;
///
/// let mut names = Names::default();
/// names.set("encoder.mu", "fc21");
/// assert_eq!(names.theirs("encoder.mu.weight"), "fc21.weight");
/// assert_eq!(names.theirs("encoder.logvar.weight"), "encoder.logvar.weight");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    theirs: BTreeMap<String, String>,
}

impl Names {
    /// Says what another program calls `ours`, a tensor or the beginning of the names of several. Of two calls about
    /// one name the last counts.
    pub fn set(&mut self, ours: impl Into<String>, theirs: impl Into<String>) {
        self.theirs.insert(ours.into(), theirs.into());
    }

    /// What another program calls the tensor `ours`: by the longest beginning that was named, else the same.
    pub fn theirs(&self, ours: &str) -> String {
        let dots = ours.rmatch_indices('.').map(|(dot, _)| dot);
        let mut ends = [ours.len()].into_iter().chain(dots);
        let named = ends.find_map(|end| Some((self.theirs.get(&ours[..end])?, end)));
        match named {
            Some((theirs, end)) => format!("{theirs}{}", &ours[end..]),
            None => ours.to_owned(),
        }
    }

    /// The first name that was said and that no tensor of a model has or begins with.
    pub(super) fn unknown(&self, specs: &[ParameterSpec]) -> Option<&str> {
        let is_known = |ours: &str| {
            specs.iter().any(|spec| {
                let rest = spec.name.strip_prefix(ours);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let mut names = self.theirs.keys().map(String::as_str);
        names.find(|ours| !is_known(ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts_and_ends_at_a_dot() {
        let mut names = Names::default();
        names.set("encoder", "enc");
        names.set("encoder.hidden.1", "enc.fc2");
        names.set("encoder.hidden.1.bias", "b2");
        for (ours, theirs) in [
            ("encoder.hidden.0.weight", "enc.hidden.0.weight"),
            ("encoder.hidden.1.weight", "enc.fc2.weight"),
            ("encoder.hidden.1.bias", "b2"),
            ("encoder.hidden.10.weight", "enc.hidden.10.weight"),
            ("decoder.output.bias", "decoder.output.bias"),
        ] {
            assert_eq!(names.theirs(ours), theirs);
        }
    }
}
