//! Folders that cannot be written, disks that are full, runs that are already there or in use.

use std::fs;
use std::process::Stdio;

use crate::{Place, TRAIN};

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let place = Place::with_run();
    fs::write(place.path("file"), "kept").unwrap();
    for out in ["file", "file/below"] {
        // The remedy depends on what the system calls it.
        let parts = ["cannot write file", "path"];
        place.vae(&format!("{TRAIN} --out {out}")).fails(1, &parts);
    }
    for (output, parts) in [
        ("file/below.png", &["cannot write", "below.png"][..]),
        (
            "nosuch/new.png",
            &["cannot write", "new.png", "folder exists"],
        ),
    ] {
        let args = format!("sample runs/a --adapter reference -o {output}");
        place.vae(&args).fails(1, parts);
        place
            .vae(&args.replace("sample", "reconstruct"))
            .fails(1, parts);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"kept");
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let locked = place.path("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, PermissionsExt::from_mode(0o555)).unwrap();
    // Root may write everywhere, but not where there is no file system to write to.
    let is_root = fs::create_dir(locked.join("probe")).is_ok();
    let out = match (is_root, cfg!(target_os = "linux")) {
        (false, _) => "locked/run",
        (true, true) => "/proc/run",
        (true, false) => return,
    };
    place
        .vae(&format!("{TRAIN} --out {out}"))
        .fails(1, &["cannot write", out]);
}

#[test]
fn a_new_run_does_not_overwrite_one() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    let parts = ["runs/a already holds a run", "resume", "another folder"];
    place.vae(&format!("{TRAIN} --out runs/a")).fails(1, &parts);
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    // A folder with something else in it is welcome.
    fs::create_dir(place.path("notes")).unwrap();
    fs::write(place.path("notes/plan.txt"), "kept").unwrap();
    place.vae(&format!("{TRAIN} --out notes")).succeeds();
    assert!(place.path("notes/plan.txt").exists());
}

#[test]
fn trainings_that_start_together_take_different_folders() {
    let place = Place::new();
    let start = || {
        let mut command = place.command(TRAIN.split_whitespace());
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().unwrap()
    };
    let started: Vec<_> = (0..6).map(|_| start()).collect();
    for mut child in started {
        assert!(child.wait().unwrap().success());
    }
    let runs = fs::read_dir(place.path("runs")).unwrap();
    let whole = runs.filter(|run| {
        run.as_ref()
            .unwrap()
            .path()
            .join("samples/prior.png")
            .exists()
    });
    assert_eq!(whole.count(), 6);
}

/// A limit on the size of files stands for a full disk: it needs no privileges, and writing fails in the same place.
#[cfg(unix)]
mod full {
    use std::process::Command;

    use super::*;
    use crate::Ran;

    /// The program where no file can be longer than eight blocks, of 512 or 1024 bytes: more than a configuration and
    /// less than a checkpoint. Writing more fails, since the signal that would end the process is ignored.
    fn with_a_full_disk(place: &Place, args: &str) -> Ran {
        let program = env!("CARGO_BIN_EXE_vae");
        let script = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {args}");
        let mut command = Command::new("sh");
        Ran::of(
            command
                .current_dir(place.path(""))
                .args(["-c", &script, program]),
        )
    }

    #[test]
    fn a_full_disk_leaves_the_old_checkpoint_and_the_run_goes_on_later() {
        let place = Place::with_run();
        let before = place.checkpoint_bytes("runs/a");
        let resume = "train --resume runs/a --epochs 4";
        let parts = [
            "cannot write",
            "runs/a/checkpoints/",
            "bytes: free that much",
            "unchanged",
        ];
        with_a_full_disk(&place, resume).fails(1, &parts);
        assert_eq!(place.checkpoint_bytes("runs/a"), before);
        let left = place.checkpoints("runs/a");
        assert_eq!(left, ["best", "last"], "a temporary file was left");

        place.vae(resume).succeeds();
        place
            .vae(&format!("{TRAIN} --out runs/b").replace("--epochs 2", "--epochs 4"))
            .succeeds();
        assert_eq!(
            place.checkpoint_bytes("runs/a"),
            place.checkpoint_bytes("runs/b")
        );
        assert_eq!(place.losses("runs/a"), place.losses("runs/b"));
    }

    #[test]
    fn a_full_disk_stops_a_new_run_before_its_first_step() {
        let place = Place::new();
        let args = format!("{TRAIN} --out runs/a");
        with_a_full_disk(&place, &args).fails(1, &["cannot write", "last.safetensors", "free"]);
        // Nothing is in the way of the next try.
        assert!(!place.path("runs").exists());
        place.vae(&args).succeeds();
    }
}
