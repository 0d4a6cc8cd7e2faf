//! What is examined, for the head of a report.

use std::sync::Arc;

use super::report::Subject;
use super::timing::lanes;
use crate::eval::Device;
use crate::gpu::{AdapterChoice, Gpu};

/// The system's name and the processor's architecture.
pub(super) fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map(|name| format!(" ({})", name.trim_matches('"')));
    format!(
        "{}{}, {}",
        std::env::consts::OS,
        name.unwrap_or_default(),
        std::env::consts::ARCH
    )
}

/// What is open.
pub(super) fn of(device: &Device, choice: &AdapterChoice) -> Subject {
    let Some(gpu) = device.gpu() else {
        let name = match choice {
            AdapterChoice::Reference => "the reference executor",
            _ => "the processor",
        };
        return Subject {
            name: name.to_owned(),
            backend: "cpu".to_owned(),
            kind: "none".to_owned(),
            driver: String::new(),
            limits: Vec::new(),
        };
    };
    let adapter = gpu.adapter();
    Subject {
        name: adapter.name.clone(),
        backend: adapter.backend.to_str().to_owned(),
        kind: adapter.kind_name().to_owned(),
        driver: adapter.driver.clone(),
        limits: limits(gpu),
    }
}

/// What decides which kernels run and how large models can be.
fn limits(gpu: &Gpu) -> Vec<(String, String)> {
    let limits = gpu.limits();
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let subgroups = match gpu.subgroup_size() {
        Some(lanes) => format!("{lanes} lanes"),
        None => "none of one size".to_owned(),
    };
    let units = match gpu.adapter().matrix_units {
        Some(units) => format!("{0}×{0}", units.size),
        None => "none".to_owned(),
    };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    [
        ("largest buffer", mib(limits.max_buffer_size)),
        ("largest binding", mib(gpu.largest_binding())),
        (
            "workgroup memory",
            format!("{} KiB", limits.max_compute_workgroup_storage_size >> 10),
        ),
        (
            "invocations of a workgroup",
            limits.max_compute_invocations_per_workgroup.to_string(),
        ),
        (
            "workgroups per dimension",
            limits.max_compute_workgroups_per_dimension.to_string(),
        ),
        ("subgroups", subgroups),
        ("64-bit integers", yes(gpu.has_wide_integers())),
        ("matrix units", units),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Why a kernel does not run on an adapter.
pub(super) fn reason(gpus: &[(Arc<Gpu>, &str)], kernel: &str) -> String {
    let Some((gpu, _)) = gpus.first() else {
        return "there is no GPU".to_owned();
    };
    match kernel {
        "gemm_cooperative_8" => "needs matrix units of 8×8 f16".to_owned(),
        "gemm_cooperative_16" => "needs matrix units of 16×16 f16".to_owned(),
        "gemm_subgroups" => format!("needs subgroups of 8 lanes; {}", lanes(gpu)),
        "rows_subgroups" | "update_subgroups" if !gpu.is_software() => {
            "is for software adapters".to_owned()
        }
        "rows_subgroups" | "update_subgroups" => format!(
            "needs subgroups of 8 lanes and 64-bit integers; {}",
            lanes(gpu)
        ),
        "gemm_tiled_subgroups" => {
            format!("needs subgroups of a multiple of 8 lanes; {}", lanes(gpu))
        }
        "rows_workgroup" | "update_tiled" => "needs larger workgroups".to_owned(),
        _ => "no step of the examination runs it".to_owned(),
    }
}
