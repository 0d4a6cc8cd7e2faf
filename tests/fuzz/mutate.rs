//! Changes of a file's bytes, of the kinds that damage and malice make.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

/// Where changes come from.
pub(crate) type Generator = SmallRng;

/// Bytes that numbers and texts of formats end at, or begin something with.
const TELLING: [u8; 16] = [
    0, 1, 3, 8, 0x7f, 0x80, 0xfe, 0xff, b'0', b'9', b'-', b',', b'"', b'\n', b'{', b'(',
];

/// The seed with one to four changes.
pub(crate) fn mutated(seed: &[u8], rng: &mut Generator) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        change(&mut bytes, rng);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, rng: &mut Generator) {
    if bytes.is_empty() {
        bytes.push(rng.random());
        return;
    }
    // Headers decide most, so that half of the changes are near the beginning or the end.
    let place = match rng.random_range(0..4) {
        0 => rng.random_range(0..bytes.len().min(64)),
        1 => bytes.len() - 1 - rng.random_range(0..bytes.len().min(64)),
        _ => rng.random_range(0..bytes.len()),
    };
    let len = rng.random_range(1..=8.min(bytes.len() - place));
    match rng.random_range(0..8) {
        0 => bytes[place] ^= 1 << rng.random_range(0..8),
        1 => bytes[place] = TELLING[rng.random_range(0..TELLING.len())],
        2 => rng.fill_bytes(&mut bytes[place..place + len]),
        3 => bytes[place..place + len].fill(*[0, 0xff].get(rng.random_range(0..2)).unwrap()),
        4 => bytes.truncate(place),
        5 => {
            bytes.drain(place..place + len);
        }
        6 => {
            let copy = bytes[place..place + len].to_vec();
            let to = rng.random_range(0..=bytes.len());
            bytes.splice(to..to, copy);
        }
        _ => {
            let byte = TELLING[rng.random_range(0..TELLING.len())];
            let times = rng.random_range(1..=64);
            bytes.splice(place..place, std::iter::repeat_n(byte, times));
        }
    }
}
