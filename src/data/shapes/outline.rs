//! The outlines of shapes, by how far a point is from them.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

/// Parts of a pixel in each direction.
const PARTS: usize = 4;
/// A pixel farther from the outline than this is all inside or all outside: its corners are at 0.71.
const FAR: f32 = 1.0;

/// A shape about its centre of mass, of some radius: no point of it is farther from there.
#[derive(Clone, Copy)]
pub(super) enum Outline {
    Square {
        half: f32,
    },
    /// Half of its width and of its height.
    Ellipse {
        axes: [f32; 2],
    },
    /// A square that stands on a corner, with half a disc on each of its upper sides.
    Heart {
        /// Half of the square's side, and the radius of the discs.
        half: f32,
        /// How far the square's centre is below the centre of mass.
        below: f32,
    },
}

impl Outline {
    pub(super) fn square(radius: f32) -> Self {
        Self::Square {
            half: radius * FRAC_1_SQRT_2,
        }
    }

    /// Half as high as it is wide.
    pub(super) fn ellipse(radius: f32) -> Self {
        Self::Ellipse {
            axes: [radius, 0.5 * radius],
        }
    }

    pub(super) fn heart(radius: f32) -> Self {
        // For half = 1: the square's area is 4; that of the discs' halves is π, with its centre of mass
        // 1 + 4/(3π) from the square's centre along the sides' normals, which are at 45°. The farthest
        // point is the corner below.
        let up = FRAC_1_SQRT_2 * (1.0 + 4.0 / (3.0 * PI));
        let below = PI * up / (4.0 + PI);
        let half = radius / (2.0 * FRAC_1_SQRT_2 + below);
        Self::Heart {
            half,
            below: below * half,
        }
    }

    /// How far a point is from the outline, in pixels and less than 0 inside; exact where it matters, next to
    /// sides and arcs. y is downward.
    fn distance(&self, [x, y]: [f32; 2]) -> f32 {
        let disc = |[x, y]: [f32; 2], radius: f32| (x * x + y * y).sqrt() - radius;
        match *self {
            Self::Square { half } => x.abs().max(y.abs()) - half,
            // To first order: k − 1 is 0 on the outline, and its slope is that of k.
            Self::Ellipse { axes: [a, b] } => {
                let [x, y] = [x / a, y / b];
                let k = (x * x + y * y).sqrt();
                let slope = ((x / a) * (x / a) + (y / b) * (y / b)).sqrt();
                if k > 0.5 { k * (k - 1.0) / slope } else { -b }
            }
            Self::Heart { half, below } => {
                let (x, y) = (x.abs(), y - below);
                // Along the sides of the square; both halves are alike, so that one disc is enough.
                let [s, t] = [FRAC_1_SQRT_2 * (x + y), FRAC_1_SQRT_2 * (x - y)];
                let square = s.abs().max(t.abs()) - half;
                square.min(disc([s, t - half], half))
            }
        }
    }

    /// The share of a pixel that is inside, by its parts, each as if its border were straight.
    fn covered(&self, [x, y]: [f32; 2], [cos, sin]: [f32; 2]) -> f32 {
        let turned = |x: f32, y: f32| [cos * x + sin * y, cos * y - sin * x];
        let middle = self.distance(turned(x, y));
        if middle.abs() > FAR {
            return if middle < 0.0 { 1.0 } else { 0.0 };
        }
        let offset = |part: usize| (part as f32 + 0.5) / PARTS as f32 - 0.5;
        let mut sum = 0.0;
        for part in 0..PARTS * PARTS {
            let (x, y) = (x + offset(part % PARTS), y + offset(part / PARTS));
            let distance = self.distance(turned(x, y));
            sum += (0.5 - PARTS as f32 * distance).clamp(0.0, 1.0);
        }
        sum / (PARTS * PARTS) as f32
    }

    /// Draws the shape into a black image of `size`×`size` pixels: its centre of mass at `centre` (x and y of the
    /// image's corner are 0), turned clockwise by the angle whose cosine and sine are given.
    pub(super) fn draw(
        &self,
        centre: [f32; 2],
        turn: [f32; 2],
        radius: f32,
        size: usize,
        image: &mut [u8],
    ) {
        let reach = |at: f32| {
            let first = (at - radius - 1.0).max(0.0) as usize;
            first..size.min((at + radius + 1.0) as usize + 1)
        };
        for row in reach(centre[1]) {
            for column in reach(centre[0]) {
                let x = column as f32 + 0.5 - centre[0];
                let y = row as f32 + 0.5 - centre[1];
                let share = self.covered([x, y], turn);
                image[row * size + column] = (255.0 * share + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64;

    /// Area and centre of mass of a shape in the middle of a large image.
    fn moments(outline: &Outline, degrees: f32) -> [f32; 3] {
        let mut image = vec![0; SIZE * SIZE];
        let turn = [degrees.to_radians().cos(), degrees.to_radians().sin()];
        outline.draw([32.0, 32.0], turn, 20.0, SIZE, &mut image);
        let mut sums = [0.0; 3];
        for (index, &pixel) in image.iter().enumerate() {
            let share = f32::from(pixel) / 255.0;
            sums[0] += share;
            sums[1] += share * ((index % SIZE) as f32 + 0.5 - 32.0);
            sums[2] += share * ((index / SIZE) as f32 + 0.5 - 32.0);
        }
        [sums[0], sums[1] / sums[0], sums[2] / sums[0]]
    }

    /// Areas are those of geometry, centres of mass those that were asked for, at any angle.
    #[test]
    fn areas_and_centres_are_those_of_geometry() {
        let heart = Outline::heart(20.0);
        let Outline::Heart { half, .. } = heart else {
            panic!("a heart is one");
        };
        for (outline, area) in [
            (Outline::square(20.0), 800.0),
            (Outline::ellipse(20.0), PI * 200.0),
            (heart, (4.0 + PI) * half * half),
        ] {
            for degrees in [0.0, 9.0, 45.0, 81.0] {
                let [drawn, x, y] = moments(&outline, degrees);
                // The outline is 130 pixels long at most. Each of its pixels is off by less than 1/50 on
                // average where it is straight, and errors of either sign cancel.
                assert!((drawn - area).abs() < 1.5, "{degrees}: {drawn} {area}");
                // A whole pixel more or less at the rim, 20 away, would move the centre by 20/800.
                assert!(x.abs() < 0.025 && y.abs() < 0.025, "{degrees}: {x} {y}");
            }
        }
    }
}
