//! `scripts/setup` with a stand-in for each system: which commands it runs where, and where it leaves well alone.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A machine: a folder of commands that is all of `PATH`, and one that stands for `/`.
struct Machine {
    folder: tempfile::TempDir,
    /// One machine at a time: a command that is being written while another thread starts a process stays open in that
    /// process for a moment, and cannot be run then ("text file busy").
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

const LAVAPIPE: &str = "usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

impl Machine {
    /// A Linux without any Vulkan, whose user has this id.
    fn new(uid: u32) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        };
        fs::create_dir(machine.path("bin")).unwrap();
        fs::create_dir(machine.path("root")).unwrap();
        // The real ones of what the script needs. Nothing else of the real system can be reached.
        for tool in ["dirname", "env", "grep", "ls", "mkdir", "sed", "sort", "tr"] {
            let found = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(tool));
            let found = found.iter().find(|path| path.exists()).unwrap();
            symlink(found, machine.path("bin").join(tool)).unwrap();
        }
        machine.command("uname", "echo Linux");
        machine.command("id", &format!("echo {uid}"));
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A package manager that installs lavapipe.
    fn package_manager(&self, name: &str) {
        let root = self.path("root");
        let (library, manifest) = ("usr/lib/libvulkan_lvp.so", LAVAPIPE);
        let script = format!(
            "cd '{}' && mkdir -p usr/lib usr/share/vulkan/icd.d && echo > usr/lib/libvulkan.so.1 && \
             echo > {library} && echo '{}' > {manifest}",
            root.display(),
            manifest_of(&format!("/{library}")),
        );
        self.command(name, &script);
    }

    fn file(&self, name: &str, content: &str) {
        let path = self.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs the script; whether it succeeded, and all that it said.
    fn setup(&self, environment: &[(&str, &str)]) -> (bool, String) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/setup");
        let output = Command::new("/bin/sh")
            .arg(script)
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("VAE_SETUP_ROOT", self.path("root"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        (output.status.success(), said)
    }
}

fn manifest_of(library: &str) -> String {
    format!("{{\"ICD\": {{\"library_path\": \"{library}\"}}}}")
}

#[test]
fn each_package_manager_is_asked_for_its_own_packages() {
    let debian = "apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers";
    for (manager, expected) in [
        ("apt-get", debian),
        ("dnf", "dnf install -y vulkan-loader mesa-vulkan-drivers"),
        (
            "zypper",
            "zypper --non-interactive install libvulkan1 libvulkan_lvp",
        ),
        ("pacman", "--needed vulkan-icd-loader vulkan-swrast"),
        ("apk", "apk add vulkan-loader mesa-vulkan-swrast"),
    ] {
        let machine = Machine::new(0);
        machine.package_manager(manager);
        let (ok, said) = machine.setup(&[]);
        assert!(ok && said.contains(expected), "{manager}: {said}");
        assert!(said.contains("setup: installed: "), "{said}");
        assert!(!said.contains("sudo"), "root needs none: {said}");
        let (ok, said) = machine.setup(&[]);
        assert!(
            ok && said.contains("nothing to install"),
            "a second time: {said}"
        );
    }
}

#[test]
fn sudo_is_used_where_needed_and_its_lack_is_explained() {
    let machine = Machine::new(1000);
    machine.package_manager("apt-get");
    let (ok, said) = machine.setup(&[]);
    let command = "apt-get update && env DEBIAN_FRONTEND=noninteractive apt-get install";
    assert!(!ok && said.contains(command), "{said}");
    machine.command("sudo", "exec \"$@\"");
    let (ok, said) = machine.setup(&[]);
    assert!(
        ok && said.contains("running: sudo apt-get update"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_installed_is_an_error() {
    let machine = Machine::new(0);
    let (ok, said) = machine.setup(&[]);
    assert!(!ok && said.contains("no known package manager"), "{said}");
    machine.command("dnf", "exit 7");
    let (ok, said) = machine.setup(&[]);
    assert!(!ok && said.contains("installing failed"), "{said}");
    machine.command("dnf", "exit 0");
    let (ok, said) = machine.setup(&[]);
    assert!(!ok && said.contains("still no Vulkan adapter"), "{said}");
}

#[test]
fn other_systems_are_left_alone() {
    for (system, reason) in [("Darwin", "Metal"), ("MINGW64_NT-10.0", "DirectX 12")] {
        let machine = Machine::new(0);
        machine.command("uname", &format!("echo {system}"));
        let (ok, said) = machine.setup(&[]);
        assert!(ok && said.contains(reason), "{said}");
        assert!(said.contains("nothing to install"), "{said}");
    }
}

#[test]
fn an_adapter_is_more_than_a_manifest() {
    let machine = Machine::new(0);
    let has_adapter = |environment: &[(&str, &str)]| machine.setup(environment).0;
    let intel = "usr/share/vulkan/icd.d/intel_icd.x86_64.json";

    // A driver for a GPU, complete but for the GPU.
    machine.file("usr/lib/x86_64-linux-gnu/libvulkan.so.1", "");
    machine.file("usr/lib/x86_64-linux-gnu/libvulkan_intel.so", "");
    machine.file(intel, &manifest_of("libvulkan_intel.so"));
    assert!(!has_adapter(&[]));
    machine.file("dev/dri/renderD128", "");
    assert!(has_adapter(&[]));
    // The variable for other drivers hides it.
    assert!(!has_adapter(&[("VK_DRIVER_FILES", "/missing/icd.json")]));
    fs::remove_dir_all(machine.path("root/dev")).unwrap();
    assert!(!has_adapter(&[]));

    // The software driver needs its library, and its library the loader.
    machine.file(LAVAPIPE, &manifest_of("../../../lib64/libvulkan_lvp.so"));
    assert!(!has_adapter(&[]));
    machine.file("usr/lib64/libvulkan_lvp.so", "");
    assert!(has_adapter(&[]));
    fs::remove_file(machine.path("root/usr/lib/x86_64-linux-gnu/libvulkan.so.1")).unwrap();
    assert!(!has_adapter(&[]));
    machine.command(
        "ldconfig",
        "echo '\tlibvulkan.so.1 (libc6,x86-64) => /opt/libvulkan.so.1'",
    );
    assert!(has_adapter(&[]));

    // vulkaninfo knows best, either way.
    machine.command("vulkaninfo", "echo ERROR_INCOMPATIBLE_DRIVER >&2; exit 1");
    assert!(!has_adapter(&[]));
    fs::remove_dir_all(machine.path("root/usr")).unwrap();
    machine.command("vulkaninfo", "echo '\tdeviceName         = A GPU'");
    let (ok, said) = machine.setup(&[]);
    assert!(ok && said.contains("(A GPU)"), "{said}");
}
