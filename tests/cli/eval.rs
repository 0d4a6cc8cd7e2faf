//! `vae eval`, and what puts its figures side by side: `vae compare`, `vae sweep`, `vae reproduce`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::family::labelled;
use crate::{Place, TRAIN};

/// Measures on the executor that needs no adapter.
const EVAL: &str = "--adapter reference --samples 20";

/// The figures of a JSON object that `vae eval --json` printed.
fn figures(json: &str) -> BTreeMap<String, Value> {
    let found: Value = serde_json::from_str(json).unwrap();
    let measures = found["measures"].as_array().unwrap().iter();
    let named = measures.map(|of| (of["name"].as_str().unwrap().to_owned(), of.clone()));
    named.collect()
}

#[test]
fn a_run_is_measured_and_its_figures_are_kept() {
    let place = labelled();
    place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
    let table = place.vae(&format!("eval runs/a {EVAL}")).succeeds();
    for part in [
        "4 test images of tiny, 20 draws",
        "−ELBO",
        "−ln p(x)",
        "active units",
        "5 nearest neighbours",
        "KL of each dimension",
    ] {
        assert!(table.out.contains(part), "{part}: {table}");
    }
    let kept = fs::read_to_string(place.path("runs/a/eval.json")).unwrap();
    let said = place.vae(&format!("eval runs/a {EVAL} --json")).succeeds();
    assert_eq!(said.out, kept);
    let found = figures(&kept);
    let value = |name: &str| found[name]["value"].as_f64().unwrap();
    let sum = value("reconstruction") + value("kl");
    assert!((value("negative_elbo") - sum).abs() < 1e-9);
    assert!((value("negative_elbo") - value("nll") - value("gap")).abs() < 1e-9);
    assert!(value("gap") > 0.0, "{found:?}");
    // Images of 6×5 pixels have no window for their structure.
    assert!(found.contains_key("psnr") && !found.contains_key("ssim"));

    // The seed decides every digit; other images or draws are other figures, and what is no run's own is not kept.
    let again = place.vae(&format!("eval runs/a {EVAL} --json")).succeeds();
    assert_eq!(again.out, kept);
    for other in [
        "--seed 1",
        "--split train",
        "-n 3",
        "--data tiny",
        "--samples 19",
    ] {
        let args = format!("eval runs/a --adapter reference --json {other}");
        let said = place.vae(&args).succeeds();
        assert_ne!(said.out, kept, "{other}");
    }
    let kept = figures(&fs::read_to_string(place.path("runs/a/eval.json")).unwrap());
    assert_ne!(kept["nll"], found["nll"], "what was measured last is kept");
    let before = fs::read(place.path("runs/a/eval.json")).unwrap();
    place
        .vae("eval runs/a --adapter reference --split train")
        .succeeds();
    assert_eq!(
        fs::read(place.path("runs/a/eval.json")).unwrap(),
        before,
        "of the test images alone"
    );
}

#[test]
fn every_kind_of_model_is_measured_or_says_why_not() {
    let place = labelled();
    for (number, (flags, has)) in [
        (
            "--stochastic-layers 2,1",
            &["kl_1", "kl_2", "knn_accuracy"][..],
        ),
        ("--posterior iaf", &["nll", "knn_accuracy"]),
        ("--condition both", &["nll", "mutual_information"]),
        (
            "--condition both --prior conditional",
            &["mutual_information"],
        ),
        ("--condition both --labelled 8", &["error_rate", "nll"]),
        (
            "--binarize dynamic",
            &["bits_per_dimension", "aggregate_kl"],
        ),
        (
            "--likelihood categorical --levels 4",
            &["bits_per_dimension"],
        ),
        ("--likelihood poisson", &["mse"]),
    ]
    .into_iter()
    .enumerate()
    {
        let run = format!("runs/{number}");
        let train = match flags.contains("--stochastic-layers") {
            true => TRAIN.replace("--latent 2", ""),
            false => TRAIN.to_owned(),
        };
        place
            .vae(&format!("{train} --out {run} {flags}"))
            .succeeds();
        let said = place.vae(&format!("eval {run} {EVAL} --json")).succeeds();
        let found = figures(&said.out);
        for name in has {
            assert!(found[*name]["value"].is_number(), "{flags}: {name}");
        }
        // An encoder that reads the label is not asked for it, nor are counts for a ratio of shades.
        let asked = found.contains_key("knn_accuracy");
        assert_eq!(asked, !flags.contains("--condition"), "{flags}");
        assert_eq!(found.contains_key("psnr"), !flags.contains("poisson"));
    }
    let annealed = "--adapter reference --annealed 2 --temperatures 5";
    place.vae(&format!("eval runs/0 {annealed}")).fails(
        2,
        &["--annealed", "runs/0", "stochastic layers", "--samples"],
    );
    place
        .vae(&format!("eval runs/4 {annealed}"))
        .fails(2, &["labels in part"]);
    let said = place
        .vae(&format!("eval runs/2 {annealed} --json"))
        .succeeds();
    assert!(figures(&said.out)["annealed_nll"]["value"].is_number());
}

#[test]
fn what_cannot_be_measured_is_said_in_one_message() {
    let place = Place::with_run();
    let eval = "eval runs/a --adapter reference";
    place
        .vae(&format!("{eval} --samples 0"))
        .fails(2, &["--samples", "0"]);
    place
        .vae(&format!("{eval} --annealed 0"))
        .fails(2, &["--annealed"]);
    place
        .vae(&format!("{eval} --temperatures 5"))
        .fails(2, &["--annealed"]);
    place.vae("eval runs/none").fails(1, &["runs/none"]);
    place
        .vae(&format!("{eval} --checkpoint 7"))
        .fails(1, &["epoch-0007"]);
    fs::write(place.path("runs/a/checkpoints/last.safetensors"), b"no").unwrap();
    place.vae(eval).fails(1, &["last.safetensors"]);
    place.vae("compare").fails(2, &["RUN"]);
    place
        .vae("compare runs/a runs/none")
        .fails(1, &["runs/none"]);
    place
        .vae("compare runs/a --sort nll")
        .fails(2, &["'nll'", "there are loss"]);
    fs::write(place.path("runs/a/eval.json"), "{\"run\":").unwrap();
    place.vae("compare runs/a").fails(1, &["eval.json"]);
    place
        .vae("reproduce burda-3")
        .fails(2, &["burda-3", "burda-2"]);
    place.vae("reproduce blog --budget 20").fails(2, &["20m"]);
    place
        .vae("reproduce blog --data-dir nothing")
        .fails(1, &["mnist", "--download"]);
}

/// A folder that cannot be written costs what would be kept, not what was measured.
#[cfg(unix)]
#[test]
fn what_cannot_be_kept_is_a_warning() {
    let place = Place::with_run();
    // A folder stands where the file would go: nobody, not even root, writes it.
    fs::create_dir(place.path("runs/a/eval.json")).unwrap();
    let said = place.vae(&format!("eval runs/a {EVAL}")).succeeds();
    assert!(said.out.contains("−ELBO"), "{said}");
    assert!(
        said.err
            .contains("warning: what was measured could not be kept"),
        "{said}"
    );
}

#[test]
fn a_sweep_trains_every_combination_once_and_compares_them() {
    let place = labelled();
    let sweep = TRAIN
        .replace("train ", "sweep ")
        .replace("--latent 2", "--latent 2,3");
    let sweep = format!("{sweep} --beta 1,4 --out grid");
    let said = place.vae(&sweep).succeeds();
    assert!(said.out.contains("4 trainings in grid"), "{said}");
    for name in ["latent-2_beta-1", "latent-3_beta-4"] {
        assert!(place.path("grid").join(name).join("eval.json").exists());
        assert!(said.out.contains(&format!("grid/{name}")), "{said}");
    }
    // A point is the run that it is alone.
    let alone = TRAIN.replace("--latent 2", "--latent 3");
    place
        .vae(&format!("{alone} --beta 4 --out alone"))
        .succeeds();
    assert_eq!(
        place.checkpoint_bytes("grid/latent-3_beta-4"),
        place.checkpoint_bytes("alone")
    );
    // The same command trains nothing again, and what it lacks it measures.
    fs::remove_file(place.path("grid/latent-3_beta-1/eval.json")).unwrap();
    let before = place.checkpoint_bytes("grid/latent-2_beta-1");
    let again = place.vae(&sweep).succeeds();
    assert!(again.out.contains("trained already"), "{again}");
    assert!(!again.out.contains("epoch 1/2"), "{again}");
    assert_eq!(place.checkpoint_bytes("grid/latent-2_beta-1"), before);
    let table = |said: &str| said[said.rfind("run  ").unwrap()..].to_owned();
    assert_eq!(table(&again.out), table(&said.out));
    // More epochs go on from where the runs stand; other settings are another sweep.
    let longer = sweep.replace("--epochs 2", "--epochs 3");
    let said = place.vae(&longer).succeeds();
    assert!(
        said.out.contains("epoch 3/3") && !said.out.contains("epoch 2/3"),
        "{said}"
    );
    let measured = place.path("grid/latent-2_beta-1/eval.json");
    let measured: Value = serde_json::from_slice(&fs::read(measured).unwrap()).unwrap();
    assert_eq!(measured["epochs"], 3, "measured again");
    place.images("other", 40, 6, 5);
    place
        .vae(&sweep.replace("tiny", "other"))
        .fails(2, &["grid/latent-2_beta-1", "other data", "--out"]);
    place
        .vae(&format!("{sweep} --lr 0.1"))
        .fails(2, &["grid/latent-2_beta-1", "lr = 0.001 there", "--out"]);

    let compared = place.vae("compare grid/latent-2_beta-1 grid/latent-3_beta-4 --json");
    let compared: Value = serde_json::from_str(&compared.succeeds().out).unwrap();
    let settings = serde_json::json!([["beta", "1.0"], ["latent", "2"]]);
    assert_eq!(compared[0]["settings"], settings);
    let sorted = place
        .vae("compare grid/latent-2_beta-4 grid/latent-2_beta-1 --sort loss")
        .succeeds();
    assert!(
        sorted.out.find("beta-1") < sorted.out.find("beta-4"),
        "{sorted}"
    );
}

#[test]
fn a_point_that_fails_does_not_end_a_sweep() {
    let place = Place::new();
    let sweep = TRAIN.replace("train ", "sweep ");
    place
        .vae(&format!(
            "{} --out grid",
            sweep.replace("--latent 2", "--latent 2,x")
        ))
        .fails(2, &["'x'", "--latent"]);
    assert!(!place.path("grid").exists());
    let said = place.vae(&format!("{sweep} --lr 1e30,1e-3 --out grid"));
    assert_eq!(said.code, Some(1), "{said}");
    assert!(said.err.contains("error: lr-1e30: "), "{said}");
    assert!(said.out.contains("failed: lr-1e30"), "{said}");
    assert!(said.out.contains("grid/lr-1e-3"), "{said}");
}

#[test]
fn published_settings_are_listed_with_their_figures() {
    let place = Place::new();
    let listed = place.vae("reproduce").succeeds();
    for part in ["burda-1", "86.76", "m2-1000", "3.60", "vamp", "85.57"] {
        assert!(listed.out.contains(part), "{part}: {listed}");
    }
}

/// A budget of no time ends the training before its first step; what stands is measured, and the run goes on.
#[test]
fn a_budget_is_said_to_have_ended_the_training() {
    let place = labelled();
    let reproduce = "reproduce textbook --data tiny --adapter reference --out runs/t";
    let said = place.vae(&format!("{reproduce} --budget 0s")).succeeds();
    for part in ["30.35", "0 of 15 epochs", "the same command goes on"] {
        assert!(said.out.contains(part), "{part}: {said}");
    }
    let said = place.vae(reproduce).succeeds();
    assert!(said.out.contains("15 of 15 epochs"), "{said}");
    let last = place.metrics("runs/t").pop().unwrap();
    let loss = format!("{:.2}", last["train_loss"].as_f64().unwrap());
    assert!(said.out.contains(&format!("this program  {loss:>8}")) || said.out.contains(&loss));
}
