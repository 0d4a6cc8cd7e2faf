//! `vae doctor`: its verdicts, the mistakes that it must find, and its messages.

use serde_json::Value;

use crate::{Place, Ran};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

impl Ran {
    /// Fails unless something deviates, which is no error of the program.
    #[track_caller]
    fn deviates(self) -> Self {
        assert_eq!(self.code, Some(1), "{self}");
        assert!(!self.err.contains("error"), "{self}");
        self
    }
}

/// The verdict of a kernel in a report.
fn verdict<'a>(report: &'a Value, kernel: &str) -> &'a str {
    let kernels = report["kernels"].as_array().unwrap();
    let of = kernels.iter().find(|of| of["kernel"] == kernel).unwrap();
    of["verdict"].as_str().unwrap()
}

#[test]
fn executors_without_kernels_are_compared_with_the_stored_losses() {
    let place = Place::new();
    for adapter in ["cpu", "reference"] {
        let ran = place
            .vae(&format!("doctor --adapter {adapter} --json"))
            .succeeds();
        let report = json(&ran.out);
        assert_eq!(report["kernels"].as_array().unwrap().len(), 0, "{report}");
        let trainings = report["trainings"].as_array().unwrap();
        assert!(!trainings.is_empty());
        assert!(trainings.iter().all(|of| of["verdict"] == "ok"), "{report}");
    }
}

#[test]
fn unknown_kernels_are_refused_with_the_names_of_all() {
    let place = Place::new();
    for flag in ["--only", "--twin", "--break"] {
        let ran = place.vae(&format!("doctor --adapter reference {flag} gem"));
        ran.fails(
            2,
            &["there is no kernel 'gem'", "gemm_tiled", "update_tiled"],
        );
    }
    for flag in ["--only", "--twin"] {
        let ran = place.vae(&format!("doctor --adapter reference {flag} copy"));
        ran.fails(2, &["runs no kernels", "vae adapters"]);
    }
}

#[test]
fn on_an_adapter_a_broken_kernel_is_named() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let whole = place.vae("doctor --only copy --json").succeeds();
    assert_eq!(verdict(&json(&whole.out), "copy"), "ok");
    let broken = place
        .vae("doctor --only copy --break copy --json")
        .deviates();
    let report = json(&broken.out);
    assert_eq!(verdict(&report, "copy"), "deviates");
    let deviation = &report["kernels"][0]["deviation"];
    assert_eq!(deviation["array"], "copy", "{report}");
    let text = place.vae("doctor --only copy --break copy").deviates();
    assert!(text.out.contains("DEVIATES  copy"), "{text}");
    assert!(text.out.contains("vae doctor --twin copy"), "{text}");
    let ran = place.vae("doctor --adapter no-such-adapter");
    ran.fails(2, &["no-such-adapter"]);
    // Not by its neighbour's mistake.
    place.vae("doctor --only copy --break lookup").succeeds();
}

/// Of every step's losses the kernel `objective` makes the first.
#[test]
fn on_an_adapter_the_twin_mends_what_its_kernel_breaks() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let found = place
        .vae("doctor --twin objective --break objective")
        .deviates();
    let said = "objective is what makes the losses deviate";
    assert!(found.out.contains(said), "{found}");
}
