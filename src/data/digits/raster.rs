//! Strokes to pixels: splines through points, and ink by the distance to them.

/// Rows and columns of an image.
pub(super) const SIZE: usize = 28;

/// A point of a stroke, with the half width of the pen there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) radius: f32,
}

/// Pieces into which the curve between two points is cut. At 28 pixels, more cannot be seen.
const PIECES: usize = 6;

/// Appends the centripetal Catmull-Rom spline through `points` to `line`.
///
/// Centripetal, because with uneven distances only this one neither loops nor overshoots (Yuksel,
/// Schaefer, Keyser: "Parameterization and applications of Catmull-Rom curves", 2011).
pub(super) fn spline(points: &[Point], line: &mut Vec<Point>) {
    line.extend(points.first());
    for i in 1..points.len() {
        let (p1, p2) = (points[i - 1], points[i]);
        let p0 = if i >= 2 {
            points[i - 2]
        } else {
            mirror(p1, p2)
        };
        let p3 = if i + 1 < points.len() {
            points[i + 1]
        } else {
            mirror(p2, p1)
        };
        let (d0, d1, d2) = (knot(p0, p1), knot(p1, p2), knot(p2, p3));
        let tangent = |before: f32, at: f32, after: f32, step_in: f32, step_out: f32| {
            d1 * ((at - before) / step_in - (after - before) / (step_in + step_out)
                + (after - at) / step_out)
        };
        let m1 = (
            tangent(p0.x, p1.x, p2.x, d0, d1),
            tangent(p0.y, p1.y, p2.y, d0, d1),
        );
        let m2 = (
            tangent(p1.x, p2.x, p3.x, d1, d2),
            tangent(p1.y, p2.y, p3.y, d1, d2),
        );
        for piece in 1..=PIECES {
            let t = piece as f32 / PIECES as f32;
            let hermite = |a: f32, da: f32, b: f32, db: f32| {
                let (u, v) = (1.0 - t, t);
                a * u * u * (1.0 + 2.0 * v)
                    + b * v * v * (1.0 + 2.0 * u)
                    + u * v * (da * u - db * v)
            };
            line.push(Point {
                x: hermite(p1.x, m1.0, p2.x, m2.0),
                y: hermite(p1.y, m1.1, p2.y, m2.1),
                radius: p1.radius + (p2.radius - p1.radius) * t,
            });
        }
    }
}

/// `end` continued beyond itself, away from `other`.
fn mirror(end: Point, other: Point) -> Point {
    Point {
        x: 2.0 * end.x - other.x,
        y: 2.0 * end.y - other.y,
        radius: end.radius,
    }
}

/// Square root of the distance; never zero, since it divides.
fn knot(a: Point, b: Point) -> f32 {
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y))
        .sqrt()
        .sqrt()
        .max(1e-3)
}

/// Draws `line`, in pixels, onto `ink`, row-major `[SIZE, SIZE]`: 0 none, 1 full; more ink never
/// makes less.
///
/// `edge` is the width in pixels over which the border of a stroke fades.
pub(super) fn draw(line: &[Point], edge: f32, ink: &mut [f32; SIZE * SIZE]) {
    for pair in line.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let reach = a.radius.max(b.radius) + 0.5 * edge;
        let rows = span(a.y.min(b.y) - reach, a.y.max(b.y) + reach);
        let columns = span(a.x.min(b.x) - reach, a.x.max(b.x) + reach);
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let scale = 1.0 / (dx * dx + dy * dy).max(1e-12);
        for row in rows {
            // Pixel centres lie halfway between integers.
            let y = row as f32 + 0.5 - a.y;
            for column in columns.clone() {
                let x = column as f32 + 0.5 - a.x;
                let along = ((x * dx + y * dy) * scale).clamp(0.0, 1.0);
                let (ex, ey) = (x - along * dx, y - along * dy);
                let distance = (ex * ex + ey * ey).sqrt();
                let radius = a.radius + (b.radius - a.radius) * along;
                let amount = (0.5 + (radius - distance) / edge).clamp(0.0, 1.0);
                let pixel = &mut ink[row * SIZE + column];
                *pixel = pixel.max(amount);
            }
        }
    }
}

/// The pixels whose centres may lie between two coordinates.
fn span(low: f32, high: f32) -> std::ops::Range<usize> {
    // A cast saturates: what is left of the image becomes 0.
    (low.floor() as usize).min(SIZE)..(high.ceil() as usize).min(SIZE)
}
