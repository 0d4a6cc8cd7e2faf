//! `vae bench`: its text, its file, and comparing two of them.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::{Place, Ran};

/// The shortest measurement there is, on the CPU twins.
const BENCH: &str = "bench --workload s --repeats 1 --adapter reference";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A place with the report `s.json` that `BENCH` wrote, and what it printed: measured once, which takes a
/// second.
fn measured() -> (Place, &'static Ran) {
    static MEASURED: OnceLock<(String, Ran)> = OnceLock::new();
    let (report, ran) = MEASURED.get_or_init(|| {
        let place = Place::new();
        let ran = place.vae(&format!("{BENCH} --json s.json")).succeeds();
        (fs::read_to_string(place.path("s.json")).unwrap(), ran)
    });
    let place = Place::new();
    fs::write(place.path("s.json"), report).unwrap();
    (place, ran)
}

fn is_positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|value| value > 0.0)
}

/// An epoch has fewer such batches than a measurement has submissions.
#[test]
fn a_few_large_batches_are_measured() {
    let place = Place::new();
    let model = "--workload s --hidden 2 --latent 1 --batch-size 20000";
    let ran = place.vae(&format!("bench --repeats 1 --adapter cpu {model}"));
    let said = ran.succeeds().out;
    assert!(said.contains("784-2-1, batch 20000"), "{said}");
}

#[test]
fn the_reference_executor_has_a_wall_time_and_says_that_this_is_all() {
    let (place, ran) = measured();
    for part in ["the reference executor", "no GPU", "784-32-16, batch 128"] {
        assert!(ran.out.contains(part), "{part}: {ran}");
    }
    assert!(ran.err.contains("warning: "), "{ran}");
    let report = json(&fs::read_to_string(place.path("s.json")).unwrap());
    assert_eq!(report["version"], 1);
    assert_eq!(report["adapter"]["kind"], "none");
    assert!(report["peaks"].is_null(), "{report}");
    let step = &report["workloads"][0];
    assert!(is_positive(&step["step_us"]["median"]), "{report}");
    for of_a_gpu in ["launches", "gpu", "floors"] {
        assert!(step[of_a_gpu].is_null(), "{of_a_gpu}: {report}");
    }

    // What a report says of itself, and what of one that lacks the workload.
    let again = place.vae(&format!("{BENCH} --against s.json")).succeeds();
    let row = again.out.lines().last().unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert!(cells[0] == "s" && cells.len() == 4, "{again}");
    assert!(cells[3].parse::<f64>().unwrap() > 0.0, "{again}");
    assert!(!again.out.contains("adapters differ"), "{again}");
    let mut other = report;
    other["adapter"]["name"] = "another".into();
    other["workloads"][0]["name"] = "m".into();
    fs::write(place.path("other.json"), other.to_string()).unwrap();
    let differs = place
        .vae(&format!("{BENCH} --against other.json --json"))
        .succeeds();
    assert!(differs.err.contains("adapters differ"), "{differs}");
    assert!(differs.err.contains("another"), "{differs}");
    let row = differs.err.lines().last().unwrap();
    assert!(row.starts_with('s') && row.contains("none"), "{differs}");
    // Standard output is for programs then.
    assert_eq!(json(&differs.out)["workloads"][0]["name"], "s");
}

#[test]
fn reports_that_cannot_be_compared_with_are_said_before_anything_is_measured() {
    let (place, _) = measured();
    let text = fs::read_to_string(place.path("s.json")).unwrap();
    let cut = &text[..text.len() / 2];
    let newer = text.replace("\"version\": 1", "\"version\": 2");
    let mut timeless = json(&text);
    timeless["workloads"][0]["step_us"]["median"] = 0.0.into();
    for (name, content, parts) in [
        ("cut", cut, &["EOF"][..]),
        ("empty", "", &["EOF"]),
        ("list", "[1, 2]", &["`vae bench --json`"]),
        ("bare", "\u{7b}\"version\": 1\u{7d}", &["missing field"]),
        ("newer", &newer, &["version 2", "reads 1"]),
        ("timeless", &timeless.to_string(), &["workload s"]),
    ] {
        fs::write(place.path(name), content).unwrap();
        let ran = place.vae(&format!("{BENCH} --against {name}"));
        let ran = ran.fails(1, &[&[name], parts].concat());
        assert!(ran.out.is_empty(), "{ran}");
    }
    let ran = place.vae(&format!("{BENCH} --against nosuch"));
    ran.fails(1, &["cannot read nosuch"]);
}

#[test]
fn what_cannot_be_measured_or_written_is_said_first() {
    let place = Place::new();
    for (args, parts) in [
        ("bench --workload xl", &["'xl'", "s, m and l"][..]),
        ("bench --workload s,xl", &["'xl'"]),
        ("bench --workload", &["--workload", "value is required"]),
        ("bench --repeats 0", &["'0'", "--repeats"]),
        (
            "bench --json nosuch/s.json",
            &["nosuch/s.json", "no such folder"],
        ),
        ("bench --json tiny", &["tiny", "no file"]),
    ] {
        let ran = place.vae(args).fails(2, parts);
        assert!(ran.out.is_empty(), "{ran}");
    }
}

#[test]
fn on_an_adapter_a_report_has_everything() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let ran = place
        .vae("bench --workload S --repeats 2 --kernels --json")
        .succeeds();
    let report = json(&ran.out);
    let peaks = &report["peaks"];
    assert!(is_positive(&peaks["gemm_gflops_per_s"]), "{report}");
    assert!(is_positive(&peaks["copy_gb_per_s"]), "{report}");
    let step = &report["workloads"][0];
    let us = |value: &Value| value.as_f64().unwrap();
    let spread = &step["step_us"];
    assert!(us(&spread["min"]) > 0.0, "{report}");
    assert!(us(&spread["min"]) <= us(&spread["median"]), "{report}");
    assert!(us(&spread["median"]) <= us(&spread["max"]), "{report}");
    // 784-32-16-32-784 with two heads; 2·128·(3·(784·32 + 3·32·16 + 32·784) − 784·32).
    assert_eq!(step["parameters"], 52_592);
    assert_eq!(step["flops_per_step"], 33_292_288);
    for floor in ["arithmetic_us", "bytes_us"] {
        assert!(is_positive(&step["floors"][floor]), "{report}");
    }
    assert_eq!(step["floors"]["bytes"], 24 * 52_592 + 128 * 784);
    let launches = &step["launches"];
    assert!(is_positive(&launches["host_us"]), "{report}");
    let dispatches = launches["dispatches"].as_u64().unwrap();
    assert!(launches["barriers"].as_u64().unwrap() <= dispatches);
    assert!(ran.err.contains("launches"), "{ran}");
    let Some(kernels) = step["gpu"]["kernels"].as_array() else {
        assert!(ran.err.contains("n/a"), "{ran}");
        return;
    };
    let counts = kernels.iter().map(|k| k["launches"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), dispatches, "{report}");
    let times: Vec<_> = kernels.iter().map(|k| us(&k["step_us"])).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{report}");
    assert!(times.iter().sum::<f64>() > 0.0, "{report}");
    let share = us(&step["gpu"]["share"]);
    assert!(share > 0.0 && share <= 1.0, "{report}");
    for kernel in kernels {
        assert!(ran.err.contains(kernel["name"].as_str().unwrap()), "{ran}");
    }
}

#[test]
fn a_dash_is_standard_output() {
    let place = Place::new();
    let ran = place.vae(&format!("{BENCH} --json -")).succeeds();
    assert_eq!(json(&ran.out)["version"], 1);
    assert!(!place.path("-").exists());
}
