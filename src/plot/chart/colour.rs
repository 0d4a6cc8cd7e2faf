//! The colours of a chart.

/// Ten that are told apart on white, those of Tableau 10 by their values, in an order in which neighbours differ.
const FIRST: [[u8; 3]; 10] = [
    [0x1f, 0x77, 0xb4],
    [0xff, 0x7f, 0x0e],
    [0x2c, 0xa0, 0x2c],
    [0xd6, 0x27, 0x28],
    [0x94, 0x67, 0xbd],
    [0x8c, 0x56, 0x4b],
    [0xe3, 0x77, 0xc2],
    [0x7f, 0x7f, 0x7f],
    [0xbc, 0xbd, 0x22],
    [0x17, 0xbe, 0xcf],
];

/// Red, green and blue of the colour `index`. After the first ten come hues a golden section apart, of which no two
/// are the same.
pub fn colour(index: usize) -> [u8; 3] {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    match FIRST.get(index) {
        Some(&colour) => colour,
        None => hue(
            (index as f64 * GOLDEN).fract(),
            0.35 + 0.1 * (index % 3) as f64,
        ),
    }
}

/// A full hue from 0 to 1 at a lightness.
fn hue(hue: f64, lightness: f64) -> [u8; 3] {
    let saturation = 0.65;
    let amount = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let k = (offset + 12.0 * hue) % 12.0;
        let value = lightness - amount * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (255.0 * value).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_sixty_are_the_same() {
        let mut all: Vec<_> = (0..60).map(colour).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 60);
    }
}
