//! How much memory a training takes: its data once.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use vae_wgpu::data::Pixels;

use crate::Place;

/// The most bytes that a training on `data` has in memory, as Linux counts them.
fn peak(place: &Place, data: &str, adapter: &str) -> u64 {
    let out = format!("runs/{data}-{adapter}");
    let flags = "--hidden 2 --latent 1 --batch-size 30 --epochs 1 --normalize min-max";
    let args = format!("train --data {data} {flags} --adapter {adapter} --out {out}");
    let mut command = place.command(args.split_whitespace());
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        peak = high_water_mark(&child).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{args}: {status}");
    peak
}

/// `VmHWM`, which never falls while the process lives.
fn high_water_mark(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

/// Images of 250×256 pixels that are bytes from 0 to 255, of which `--normalize` makes nothing else, or
/// numbers, which it changes.
fn put(place: &Place, name: &str, count: usize, size_of_pixel: usize) {
    let pixels = 0..count * 250 * 256;
    let pixels = match size_of_pixel {
        1 => Pixels::Bytes(pixels.map(|index| (7 * index % 256) as u8).collect()),
        _ => Pixels::Floats(pixels.map(|index| (7 * index % 251) as f32).collect()),
    };
    place.pixels(name, [count, 250, 256], pixels);
}

/// The images that one training has more than another, 77 MB of them, and 40 % of that, where twice would be 100 %: beside them are
/// 7 %, and the same training has had 21 MB more where other programs had the processor. Both have whole batches of test images,
/// whose values are in memory too. A software adapter's memory is the host's and counts as well.
fn takes_its_data_once(adapter: &str, size_of_pixel: usize) {
    let place = Place::new();
    put(&place, "much", 1500 / size_of_pixel, size_of_pixel);
    put(&place, "little", 300 / size_of_pixel, size_of_pixel);
    if adapter == "software" {
        // The first training compiles kernels, for which a driver takes more than for the images; the others find them in
        // the driver's cache.
        put(&place, "first", 60, size_of_pixel);
        peak(&place, "first", adapter);
    }
    let [much, little] = ["much", "little"].map(|data| peak(&place, data, adapter));
    let data = ((1500 - 300) * 250 * 256) as f64;
    let more = much.saturating_sub(little) as f64 / data;
    assert!(
        more < 1.4,
        "{adapter}: {much} bytes, {little} on little data"
    );
    // The data is there at all: what is measured is the training.
    assert!(
        more > 0.7,
        "{adapter}: {much} bytes, {little} on little data"
    );
}

#[test]
fn the_processor_takes_its_data_once() {
    takes_its_data_once("cpu", size_of::<u8>());
    takes_its_data_once("cpu", size_of::<f32>());
}

#[test]
fn on_an_adapter_a_training_takes_its_data_once() {
    let place = Place::new();
    let listed = place.vae("adapters").succeeds();
    if !place.has_adapter() || !listed.out.contains(" software ") {
        eprintln!("skipped: this machine has no software adapter");
        return;
    }
    takes_its_data_once("software", size_of::<u8>());
    takes_its_data_once("software", size_of::<f32>());
}
