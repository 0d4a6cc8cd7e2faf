//! What a model has learned, as pictures: one small run on the built-in digits serves all of them.

use std::fs;
use std::sync::LazyLock;

use image::GenericImageView;

use crate::Place;

/// Runs of one epoch: eight dimensions, two, and labels.
static RUNS: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new();
    for run in [
        "a --latent 8",
        "plane --latent 2",
        "cond --latent 3 --condition both",
    ] {
        place
            .vae(&format!(
                "train --hidden 8 --epochs 1 --adapter cpu --out runs/{run}"
            ))
            .succeeds();
    }
    place
});

/// A side of images of the digits, twice as large as they are, with the gap after each, and before the first.
fn side(images: u32, wider: u32) -> u32 {
    2 + 58 * images + 6 * wider
}

#[test]
fn pictures_have_their_sizes_and_the_same_bits_twice() {
    for (command, size) in [
        (
            "interpolate runs/a --pairs 3 --steps 5",
            [side(7, 2), side(6, 2)],
        ),
        (
            "interpolate runs/cond --pairs 2 --path linear",
            [side(11, 2), side(2, 0)],
        ),
        ("traverse runs/a --dimensions 5", [side(11, 0), side(5, 0)]),
        (
            "traverse runs/cond --image 3 --label 2",
            [side(11, 0), side(3, 0)],
        ),
        ("manifold runs/plane", [side(20, 0), side(20, 0)]),
        ("analogies runs/cond --rows 4", [side(11, 1), side(4, 0)]),
        (
            "arithmetic runs/a --plus label:3,image:17 --minus label:5",
            [side(4, 1), side(1, 0)],
        ),
    ] {
        let draw = |name: &str| {
            let ran = RUNS.vae(&format!("{command} --adapter cpu -o {name}"));
            ran.succeeds();
            fs::read(RUNS.path(name)).unwrap()
        };
        let name = command.split(' ').next().unwrap();
        let [one, two] = ["1", "2"].map(|n| draw(&format!("{name}-{n}.png")));
        assert!(one == two, "{command}");
        let (wide, high) = image::load_from_memory(&one).unwrap().dimensions();
        assert_eq!([wide, high], size, "{command}");
    }
}

#[test]
fn a_picture_lies_among_the_samples_where_nobody_says_a_place() {
    let ran = RUNS.vae("scatter runs/a --adapter cpu").succeeds();
    assert!(
        ran.out.contains("runs/a/samples/scatter.png"),
        "{}",
        ran.out
    );
    RUNS.vae("scatter runs/plane --adapter cpu").succeeds();
    let picture = image::open(RUNS.path("runs/a/samples/scatter.png")).unwrap();
    assert_eq!(picture.dimensions().0, 680);
    RUNS.vae("plot runs/a").succeeds();
    RUNS.vae("plot runs/a runs/plane --terms loss,kl -o b.svg")
        .succeeds();
    let svg = fs::read_to_string(RUNS.path("b.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("\nplane\n") && svg.contains("\nkl\n"));
    assert!(!svg.contains("\nrecon\n"));
}

#[test]
fn a_temperature_of_one_changes_nothing_and_of_zero_leaves_the_mean() {
    let draw = |args: &str| {
        RUNS.vae(&format!("sample runs/a -n 3 --adapter cpu -o t.npy {args}"))
            .succeeds();
        fs::read(RUNS.path("t.npy")).unwrap()
    };
    let plain = draw("");
    assert!(plain == draw("--temperature 1"));
    assert!(plain != draw("--temperature 0.5"));
    let cold = draw("--temperature 0");
    let values = &cold[128..];
    let (first, others) = values.split_at(values.len() / 3);
    assert!(others.chunks(first.len()).all(|image| image == first));
}

#[test]
fn what_cannot_be_drawn_is_said_in_one_message() {
    for (command, parts) in [
        (
            "manifold runs/a",
            &["8 dimensions", "--latent 2", "vae traverse"][..],
        ),
        (
            "analogies runs/a",
            &["reads no labels", "--condition decoder"],
        ),
        (
            "arithmetic runs/a --plus label:77",
            &["label:77", "0, 1, 2"],
        ),
        (
            "arithmetic runs/a --plus image:999999",
            &["999999", "choose from 0 to"],
        ),
        ("arithmetic runs/a --plus dog", &["dog", "label:3"]),
        (
            "traverse runs/a --image 999999",
            &["--image 999999", "choose from 0 to"],
        ),
        ("traverse runs/cond --label 10", &["--label 10", "0 to 9"]),
        (
            "interpolate runs/a --pairs 60000",
            &["--pairs 60000", "at most"],
        ),
        ("scatter runs/a -o x.npy", &["x.npy", ".png"]),
        ("sample runs/a --temperature -1", &["-1"]),
        ("plot runs/a --terms loss,dog", &["dog", "loss, recon, kl"]),
        (
            "plot runs/a -o x.svg --format png",
            &["x.svg", "two formats"],
        ),
        ("plot runs/a -o x.jpg", &["x.jpg", ".svg"]),
    ] {
        RUNS.vae(command).fails(2, parts);
    }
}

#[test]
fn curves_take_a_line_that_is_being_written_and_no_other_damage() {
    let place = Place::with_run();
    let path = place.path("runs/a/metrics.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"epoch\":9,\"tra")).unwrap();
    place.vae("plot runs/a -o a.svg").succeeds();
    fs::write(&path, format!("{{\"epoch\":9,\"tra\n{whole}")).unwrap();
    place
        .vae("plot runs/a")
        .fails(1, &["metrics.jsonl", "line 1"]);
    fs::write(&path, "").unwrap();
    place
        .vae("plot runs/a")
        .fails(1, &["metrics.jsonl", "no epoch yet"]);
}
