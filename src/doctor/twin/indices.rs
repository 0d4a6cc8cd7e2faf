//! Kernels that move values or make them of counters.

use super::{EPS, Expected, Job, Results};
use crate::kernels::gather::row_bytes;
use crate::rng;

/// Copied words have the same bits.
pub(super) fn copy(job: Job<'_>) -> Results {
    let [rows, columns, from_first, from_row, to_first, to_row] = job.params();
    let from = job.words(0);
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let word = |(row, column): (usize, usize)| {
        let bits = from[row * from_row + from_first + column];
        ((1, row * to_row + to_first + column), Expected::Word(bits))
    };
    places.map(word).collect()
}

/// Words and uniforms are exact. Of a normal the logarithm is off by up to 2⁻²¹ next to a uniform of 1, and the
/// root of twice that is 2⁻¹⁰; elsewhere the radius, of at most √(2·24·ln 2) = 5.77, is off by less. It
/// multiplies what sine and cosine are off by, 2⁻¹¹.
pub(super) fn draw(job: Job<'_>) -> Results {
    const NORMAL: f64 = 1.0 / 1024.0 + 5.8 / 2048.0;
    let [len, stream, number, low, high] = job.params();
    let key = [low as u32, high as u32];
    let step = job.words(0)[0];
    let element = |index: usize| {
        let counter = [index as u32 / 4, step, stream as u32, number as u32];
        let words = rng::philox4x32_10(counter, key);
        let expected = if job.is_on("WORDS") {
            Expected::Word(words[index % 4])
        } else if job.is_on("UNIFORMS") {
            Expected::float(f64::from(words[index % 4] >> 8) / 16_777_216.0, 0.0)
        } else {
            let pair = if index % 4 < 2 { 0 } else { 2 };
            let normals = rng::box_muller([words[pair], words[pair + 1]]);
            Expected::float(normals[index % 2], NORMAL)
        };
        ((1, index), expected)
    };
    (0..len).map(element).collect()
}

/// `unpack4x8unorm` carries 3 ULP; floats are copied.
pub(super) fn gather(job: Job<'_>) -> Results {
    let [rows, dim, words, first, count] = job.params();
    let order = job.words(1);
    let position = job.words(2)[1] as usize;
    let mut results = Results::new();
    for row in 0..rows {
        let image = (order[position + row] as usize).wrapping_sub(first);
        if image >= count {
            continue;
        }
        for column in 0..dim {
            let expected = if job.is_on("FLOATS") {
                Expected::Word(job.words(0)[image * words + column])
            } else {
                let byte = job.before.bytes(0)[image * row_bytes(dim) + column];
                let value = f64::from(byte) / 255.0;
                Expected::float(value, 3.0 * EPS * value)
            };
            results.insert((3, row * dim + column), expected);
        }
    }
    results
}

/// Copied rows have the same bits; an index outside is the nearest inside.
pub(super) fn lookup(job: Job<'_>) -> Results {
    let [table_rows, rows, columns] = job.params();
    let (table, index) = (job.words(0), job.before.floats(1));
    let element = |at: usize| {
        let [row, column] = [at / columns, at % columns];
        let of = (f64::from(index[row]).max(0.0) as usize).min(table_rows - 1);
        ((2, at), Expected::Word(table[of * columns + column]))
    };
    (0..rows * columns).map(element).collect()
}

/// Zeros and ones are exact.
pub(super) fn one_hot(job: Job<'_>) -> Results {
    let [rows, classes] = job.params();
    let (labels, order) = (job.before.bytes(0), job.words(1));
    let position = job.words(2)[1] as usize;
    let element = |at: usize| {
        let label = labels[order[position + at / classes] as usize];
        let hot = usize::from(label) == at % classes;
        ((3, at), Expected::float(f64::from(u8::from(hot)), 0.0))
    };
    (0..rows * classes).map(element).collect()
}

/// Copied images have the same bits.
pub(super) fn stage_images(job: Job<'_>) -> Results {
    const ROWS: usize = crate::kernels::stage_images::ROWS;
    let [first, count, total, vectors, capacity] = job.params();
    let (images, order) = (job.words(0), job.words(1));
    let position = job.words(2)[1] as usize;
    let words = 4 * vectors;
    let mut results = Results::new();
    let end = position + job.launch.grid[0] as usize * ROWS;
    let places = order.iter().enumerate().take(end.min(total));
    for (place, &image) in places.skip(position) {
        let image = (image as usize).wrapping_sub(first);
        if image < count {
            for word in 0..words {
                let to = place % capacity * words + word;
                results.insert((3, to), Expected::Word(images[image * words + word]));
            }
        }
    }
    results
}
