//! What the system around the program lacks or limits: threads, locks, syncs, the size of files, variables.

use std::fs;
use std::process::Command;

use crate::{Place, Ran, TRAIN};

/// A shell that runs `script` in a place, with the program as `$0`.
fn shell(place: &Place, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .current_dir(place.path(""))
        .args(["-c", script, env!("CARGO_BIN_EXE_vae")]);
    shell
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A prefix for commands that may have `threads` threads, where this machine can do that. The limit does not hold for
    /// root, who takes the number of a user that owns nothing.
    fn with_threads(place: &Place, threads: u32) -> Option<String> {
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(place.path(""), open).unwrap();
        let limit = format!("prlimit --nproc={threads}");
        let other = format!("setpriv --reuid 64123 --regid 64123 --clear-groups {limit}");
        let is_root = fs::read("/proc/1/environ").is_ok();
        let prefix = if is_root { other } else { limit };
        let can = shell(place, &format!("{prefix} \"$0\" --version"));
        let ran = Ran::of(&mut { can });
        if ran.code == Some(0) {
            return Some(prefix);
        }
        eprintln!("skipped: no limit on threads can be had here: {ran}");
        None
    }

    #[test]
    fn without_a_second_thread_the_calling_one_does_the_work() {
        let whole = Place::with_run();
        let place = Place::new();
        for threads in [1, 2, 3] {
            let Some(prefix) = with_threads(&place, threads) else {
                return;
            };
            let run = format!("runs/{threads}");
            let script = format!("{prefix} \"$0\" {TRAIN} --out {run}");
            Ran::of(&mut shell(&place, &script)).succeeds();
            assert_eq!(
                place.checkpoint_bytes(&run),
                whole.checkpoint_bytes("runs/a")
            );
        }
    }

    #[test]
    fn on_an_adapter_refused_threads_are_no_panic() {
        let place = Place::new();
        if !place.has_adapter() {
            return;
        }
        for threads in [1, 3, 4, 6, 8] {
            let Some(prefix) = with_threads(&place, threads) else {
                return;
            };
            let train = TRAIN.replace("--adapter reference", "");
            let script = format!("{prefix} \"$0\" {train} --out runs/{threads}");
            // `Ran` itself fails for a panic.
            let ran = Ran::of(&mut shell(&place, &script));
            // A driver may need threads of its own.
            if ran.code != Some(0) {
                ran.fails(1, &["gave no device", "ulimit -u"]);
            }
        }
    }

    /// Runs the program while a system call fails.
    fn with_failing(place: &Place, call: &str, error: &str, args: &str) -> Option<Ran> {
        let inject = format!("-e trace={call} -e inject={call}:error={error}");
        let strace = format!("strace -f -o /dev/null {inject}");
        if !shell(place, &format!("{strace} true"))
            .status()
            .unwrap()
            .success()
        {
            eprintln!("skipped: strace cannot be used here");
            return None;
        }
        Some(Ran::of(&mut shell(
            place,
            &format!("{strace} \"$0\" {args}"),
        )))
    }

    #[test]
    fn a_file_system_without_locks_or_syncs_is_used_with_a_note() {
        let place = Place::new();
        let cases = [
            ("flock", "ENOLCK", "has no locks"),
            ("flock", "ENOSYS", "has no locks"),
            ("flock", "EOPNOTSUPP", "has no locks"),
            ("flock", "EINVAL", "has no locks"),
            ("fsync", "EINVAL", "power cut"),
            ("fsync", "EOPNOTSUPP", "power cut"),
        ];
        for (index, (call, error, note)) in cases.into_iter().enumerate() {
            let args = format!("{TRAIN} --out runs/{index}");
            let Some(ran) = with_failing(&place, call, error, &args) else {
                return;
            };
            let ran = ran.succeeds();
            let notes = ran
                .err
                .lines()
                .filter(|line| line.starts_with("note: the file system"));
            let notes: Vec<_> = notes.collect();
            assert_eq!(notes.len(), 1, "{ran}");
            assert!(notes[0].contains(note), "{ran}");
            assert!(notes[0].contains(&format!("runs/{index}")), "{ran}");
            assert_eq!(place.metrics(&format!("runs/{index}")).len(), 2);
        }
    }

    #[test]
    fn a_new_run_that_cannot_be_saved_leaves_no_folder() {
        let place = Place::new();
        for call in ["flock", "fsync"] {
            let args = format!("{TRAIN} --out new/deep/run");
            let Some(ran) = with_failing(&place, call, "EIO", &args) else {
                return;
            };
            ran.fails(1, &["cannot write new/deep/run"]);
            assert!(!place.path("new").exists(), "{call}");
        }
    }

    #[test]
    fn a_missing_runtime_folder_is_nobodys_error() {
        let place = Place::with_run();
        if !place.has_adapter() {
            return;
        }
        for folder in ["", "relative/folder"] {
            let mut command = place.command(["adapters"]);
            let ran = Ran::of(
                command
                    .env_remove("NODEVICE_SELECT")
                    .env("XDG_RUNTIME_DIR", folder),
            );
            let ran = ran.succeeds();
            assert!(!ran.err.contains("XDG_RUNTIME_DIR"), "{ran}");
            assert!(!ran.err.contains("error"), "{ran}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files_is_an_error_like_a_full_disk() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    // Without a trap: the signal of the limit must not end the process.
    let script = "ulimit -f 8; exec \"$0\" train --resume runs/a --epochs 4";
    let ran = Ran::of(&mut shell(&place, script));
    ran.fails(1, &["cannot write", ".safetensors", "free that much"]);
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    let left = fs::read_dir(place.path("runs/a/checkpoints")).unwrap();
    assert_eq!(left.count(), 2, "last, best, and no temporary file");
}

#[test]
fn a_folder_for_pictures_that_is_gone_is_made_again() {
    let place = Place::with_run();
    for args in [
        "train --resume runs/a --epochs 3",
        "sample runs/a --adapter reference",
        "reconstruct runs/a --adapter reference",
    ] {
        fs::remove_dir_all(place.path("runs/a/samples")).unwrap();
        place.vae(args).succeeds();
        assert!(place.path("runs/a/samples").is_dir(), "{args}");
    }
}

#[test]
fn an_unknown_backend_is_named_with_the_known_ones() {
    let place = Place::new();
    let auto = TRAIN.replace("--adapter reference", "--out runs/new");
    for args in ["adapters", &auto] {
        for words in ["vulcan", "gl,vulcan"] {
            let mut command = place.command(args.split_whitespace());
            let ran = Ran::of(command.env("WGPU_BACKEND", words));
            ran.fails(
                2,
                &["WGPU_BACKEND", "'vulcan'", "vulkan, metal, dx12 and gl"],
            );
        }
    }
    assert!(!place.path("runs/new").exists());
}
