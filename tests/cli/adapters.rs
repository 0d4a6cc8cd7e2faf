//! Adapters that are not there, or not the ones that were asked for.

use std::process::Command;

use crate::{Place, Ran, TRAIN};

/// What hides every adapter.
const HIDING: [&[(&str, &str)]; 2] = [
    // Both names of the variable: which one is read depends on the age of the Vulkan loader.
    &[
        ("WGPU_BACKEND", "vulkan"),
        ("VK_DRIVER_FILES", "/nonexistent"),
        ("VK_ICD_FILENAMES", "/nonexistent"),
    ],
    &[("WGPU_BACKEND", "none")],
];

/// Runs the program where no adapter can be found. Only Linux reads where the drivers are from the environment.
fn without_adapters(place: &Place, args: &str, mut check: impl FnMut(Ran)) {
    for variables in &HIDING[usize::from(!cfg!(target_os = "linux"))..] {
        let mut command = place.command(args.split_whitespace());
        check(Ran::of(command.envs(variables.iter().copied())));
    }
}

#[test]
fn without_any_adapter_auto_is_the_processor_in_the_list() {
    without_adapters(&Place::new(), "adapters", |ran| {
        let listed = ran.succeeds();
        let chosen = listed.out.lines().find(|line| line.starts_with('*'));
        assert!(chosen.unwrap().contains("cpu"), "{listed}");
    });
}

#[test]
fn without_any_adapter_asking_for_one_fails() {
    let place = Place::with_run();
    for adapter in ["vulkan", "software", "0", "GeForce"] {
        let args = format!("sample runs/a --adapter {adapter} -o new.png");
        let parts = ["no GPU adapter was found", "WGPU_BACKEND=", "--adapter cpu"];
        without_adapters(&place, &args, |ran| drop(ran.fails(1, &parts)));
    }
    assert!(!place.path("new.png").exists());
}

#[test]
fn without_any_adapter_auto_takes_the_processor_with_a_warning() {
    let place = Place::with_run();
    let by_name = TRAIN.replace("--adapter reference", "--adapter cpu");
    place.vae(&by_name).succeeds();
    for choice in ["--adapter auto", ""] {
        let args = TRAIN.replace("--adapter reference", choice);
        without_adapters(&place, &args, |ran| {
            let trained = ran.succeeds();
            assert!(
                trained.err.contains("warning: no GPU adapter was found"),
                "{trained}"
            );
            assert!(trained.out.contains("the processor"), "{trained}");
        });
    }
    // Whoever asks for it by name gets the same bits.
    assert_eq!(
        place.checkpoint_bytes("runs/tiny-1"),
        place.checkpoint_bytes("runs/tiny-2")
    );
}

#[test]
fn on_the_processor_the_number_of_threads_changes_no_bit() {
    let place = Place::new();
    let args =
        |threads: &str| TRAIN.replace("--adapter reference", &format!("--adapter cpu {threads}"));
    for (run, threads) in [("1", "--threads 1"), ("2", "--threads 3"), ("3", "")] {
        let trained = place.vae(&format!("{} --out runs/{run}", args(threads)));
        let said = trained.succeeds().out;
        assert!(said.contains("the processor ("), "{said}");
    }
    for other in ["runs/2", "runs/3"] {
        assert_eq!(
            place.checkpoint_bytes("runs/1"),
            place.checkpoint_bytes(other),
            "{other}"
        );
    }
    let planned = place
        .vae("plan --data tiny --adapter cpu --batch-size 8")
        .succeeds();
    assert!(planned.out.contains("tiny on the processor"), "{planned}");
}

#[test]
fn threads_are_of_the_processor_and_at_least_one() {
    let place = Place::with_run();
    for command in [
        &format!("{TRAIN} --out runs/new"),
        "sample runs/a --adapter reference",
    ] {
        place.vae(&format!("{command} --threads 2")).fails(
            2,
            &["--threads is for the processor alone", "--adapter cpu"],
        );
    }
    place
        .vae("sample runs/a --adapter cpu --threads 0")
        .fails(2, &["--threads", "0"]);
    assert!(!place.path("runs/new").exists());
}

#[test]
fn an_empty_variable_restricts_nothing() {
    let place = Place::new();
    let listed = place.vae("adapters").succeeds().out;
    let with_empty = |name: &str| {
        Ran::of(place.command(["adapters"]).env(name, ""))
            .succeeds()
            .out
    };
    assert_eq!(with_empty("WGPU_BACKEND"), listed);
    assert_eq!(with_empty("WGPU_ADAPTER_NAME"), listed);
}

#[test]
fn on_an_adapter_a_choice_that_matches_nothing_lists_the_candidates() {
    let place = Place::with_run();
    if !place.has_adapter() {
        return;
    }
    let listed = place.vae("adapters").succeeds().out;
    // The name lies between the index and the next column, two spaces from both.
    let chosen = listed.lines().find(|line| line.starts_with('*')).unwrap();
    let name = chosen[1..]
        .trim()
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .nth(1);
    let name = name.unwrap();
    for adapter in ["nosuch", "99", "18446744073709551616"] {
        for command in [&format!("{TRAIN} --out runs/new"), "sample runs/a"] {
            let args = format!(
                "{} --adapter {adapter}",
                command.replace("--adapter reference", "")
            );
            place
                .vae(&args)
                .fails(2, &[&format!("'{adapter}'"), name, "--adapter"]);
        }
    }
    assert!(!place.path("runs/new").exists());

    let by_variable = |args: &str| -> Command {
        let mut command = place.command(args.split_whitespace());
        command.env("WGPU_ADAPTER_NAME", "nosuch");
        command
    };
    Ran::of(&mut by_variable("sample runs/a")).fails(2, &["'nosuch'", "WGPU_ADAPTER_NAME", name]);
    // The variable is a default: a flag overrides it.
    Ran::of(&mut by_variable("sample runs/a --adapter reference")).succeeds();
    Ran::of(&mut by_variable("sample runs/a --adapter auto")).succeeds();
}

#[test]
fn on_an_adapter_index_name_and_backend_choose() {
    let place = Place::with_run();
    if !place.has_adapter() {
        return;
    }
    let listed = place.vae("adapters").succeeds().out;
    let chosen = listed.lines().find(|line| line.starts_with('*')).unwrap();
    let cells = chosen[1..]
        .trim()
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty());
    let cells: Vec<_> = cells.collect();
    let picture = |choice: &str| {
        let output = place.path("new.png");
        let args = ["sample", "runs/a", "--adapter", choice, "-o"];
        let mut command = place.command(args);
        Ran::of(command.arg(&output)).succeeds();
        std::fs::read(output).unwrap()
    };
    let auto = picture("auto");
    for choice in &cells[..3] {
        assert_eq!(picture(choice), auto, "{choice}");
    }
    assert_eq!(picture(&cells[1].to_uppercase()), auto);
}
