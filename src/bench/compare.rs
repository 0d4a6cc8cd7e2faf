//! A report against an earlier one.

use super::report::Report;

/// What became of the workloads since an earlier report.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Earlier and present adapter, where they are not the same: then the ratios compare machines.
    pub adapters: Option<[String; 2]>,
    /// One for each workload of the present report.
    pub changes: Vec<Change>,
}

/// One workload, then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The workload.
    pub name: String,
    /// Microseconds a step in the earlier report; `None` where it does not have the workload.
    pub old_us: Option<f64>,
    /// Microseconds a step now.
    pub new_us: f64,
}

impl Change {
    /// New over old: below 1 is faster.
    pub fn ratio(&self) -> Option<f64> {
        self.old_us.map(|old| self.new_us / old)
    }
}

/// Compares medians.
pub fn compare(old: &Report, new: &Report) -> Comparison {
    let named = |report: &Report| {
        let adapter = &report.adapter;
        let parts = [&adapter.name, &adapter.backend, &adapter.driver];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts
            .iter()
            .map(|part| part.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let changes = new.workloads.iter().map(|step| {
        let earlier = old.workloads.iter().find(|other| other.name == step.name);
        Change {
            name: step.name.clone(),
            old_us: earlier.map(|step| step.step_us.median),
            new_us: step.step_us.median,
        }
    });
    Comparison {
        adapters: (old.adapter != new.adapter).then(|| [named(old), named(new)]),
        changes: changes.collect(),
    }
}
