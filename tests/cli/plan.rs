//! `vae plan`: what a step would run, and that nothing does.

use crate::{Place, Ran};

/// The model of `TRAIN`, planned.
const PLAN: &str = "plan --data tiny --hidden 8 --latent 2 --batch-size 8";

/// What is printed on the best adapter, if there is one.
fn planned(place: &Place, more: &str) -> Option<Ran> {
    let ran = || place.vae(&format!("{PLAN} {more}")).succeeds();
    place.has_adapter().then(ran)
}

/// The kernels of the listing, in order.
fn kernels(ran: &Ran) -> Vec<&str> {
    let table = ran.out.split("\n\n").nth(1).unwrap();
    let rows = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<usize>().ok()?;
        words.next()
    });
    rows.collect()
}

#[test]
fn the_reference_executor_has_no_launches() {
    let place = Place::new();
    let said = place.vae(&format!("{PLAN} --adapter reference")).succeeds();
    assert!(
        said.out.contains("tiny on the reference executor"),
        "{said}"
    );
    assert!(said.out.contains("no launches"), "{said}");
    assert!(!place.path("runs").exists());
}

#[test]
fn on_an_adapter_a_plan_names_every_launch_and_what_it_computes() {
    let place = Place::new();
    let Some(ran) = planned(&place, "--plan general --likelihood laplace --scale shared") else {
        return;
    };
    assert!(ran.out.contains("plan      general, as asked for"), "{ran}");
    let kernels = kernels(&ran);
    assert_eq!(kernels[0], "gather", "{ran}");
    assert_eq!(kernels[kernels.len() - 2..], ["adam", "objective"], "{ran}");
    assert!(kernels.contains(&"latent"), "{ran}");
    let count = format!("launches  {} a step", kernels.len());
    assert!(ran.out.contains(&count), "{ran}");
    for part in [
        "d_decoder.log_scale",
        "recon",
        "z, kl",
        "the updated parameters",
        "of parameters and moments",
        "of tensors",
    ] {
        assert!(ran.out.contains(part), "`{part}` is missing: {ran}");
    }
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn on_an_adapter_a_plan_says_why_auto_left_a_faster_one() {
    let place = Place::new();
    // No program computes the importance weights, or the maps of a flow.
    for parts in ["--objective iwae --samples 3", "--posterior planar"] {
        let Some(ran) = planned(&place, parts) else {
            return;
        };
        let left = ran.out.lines().find(|line| line.starts_with("plan "));
        let reason = left.unwrap().split_once("general; auto left two-launch: ");
        assert!(reason.is_some_and(|(_, why)| why.len() > 8), "{ran}");
        // Who asks for it is told the same.
        let asked = format!("{PLAN} {parts} --plan two-launch");
        place.vae(&asked).fails(1, &["two-launch", "--plan auto"]);
    }
}

#[test]
fn on_an_adapter_the_source_of_every_kernel_is_printed_and_valid() {
    let place = Place::new();
    let Some(ran) = planned(
        &place,
        "--plan general --likelihood laplace --clip-norm 1 --wgsl",
    ) else {
        return;
    };
    let mut sources = ran.out.split("\n// kernel ");
    sources.next();
    let sources: Vec<_> = sources.map(|text| text.split_once('\n').unwrap()).collect();
    for kernel in kernels(&ran) {
        let is_it = |(name, _): &&(&str, &str)| *name == kernel;
        assert!(
            sources.iter().any(|source| is_it(&source)),
            "{kernel}: {ran}"
        );
    }
    for (name, source) in &sources {
        let parsed = naga::front::wgsl::parse_str(source);
        assert!(parsed.is_ok(), "{name}: {parsed:?}");
    }
    // Laplace's nll with a scale of 1, as it was generated.
    let generated = sources.iter().find(|(name, _)| *name == "row_sums");
    let (_, source) = generated.unwrap();
    assert!(source.contains("abs("), "{source}");
    assert!(source.contains("0.6931"), "{source}");
}

#[test]
fn a_plan_of_a_runs_configuration_is_that_of_its_settings() {
    let place = Place::with_run();
    let args = "plan --config runs/a/config.toml";
    let said = place.vae(args).succeeds();
    assert!(
        said.out.contains("tiny on the reference executor"),
        "{said}"
    );
}

#[test]
fn a_plan_of_what_cannot_be_is_refused_as_a_training_is() {
    let place = Place::new();
    for (args, parts) in [
        ("plan --out runs/a", &["'--out'", "Usage: vae plan"][..]),
        ("plan --resume runs/a", &["'--resume'"]),
        (
            "plan --plan sideways",
            &["'sideways' is no plan", "two-launch"],
        ),
        (
            "plan --data tiny --adapter reference --batch-size 99",
            &["99", "--batch-size"],
        ),
        (
            "plan --data tiny --adapter reference --scale shared",
            &["bernoulli", "--scale unit"],
        ),
    ] {
        place.vae(args).fails(2, parts);
    }
}
