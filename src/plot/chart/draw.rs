//! A chart on one of the crate's surfaces. All lengths are in pixels until they are drawn, on a grid `FINE` times as
//! fine.

use std::fmt::Display;
use std::ops::Range;
use std::sync::OnceLock;

use image::RgbImage;
use plotters::backend::{BitMapBackend, DrawingBackend, RGBPixel, SVGBackend};
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, DashedPathElement, PathElement};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontStyle, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE,
    register_font,
};

use super::ticks::{Ticks, range};
use super::{Chart, ChartError, Cloud, Curve, FINE, Key, MAX_PIXELS, Mark, Panel, colour};

/// What letters look like in pixels, and how wide they are in both.
static FONT: &[u8] = include_bytes!("font/Roboto-Regular-subset.ttf");
/// The name under which the crate has it, and by which SVG asks for the reader's own.
const FAMILY: &str = "sans-serif";

const TITLE: u32 = 16;
const TEXT: u32 = 14;
const INK: RGBColor = RGBColor(0x26, 0x26, 0x26);
const AXIS: RGBColor = RGBColor(0x8c, 0x8c, 0x8c);
const GRID: RGBColor = RGBColor(0xe6, 0xe6, 0xe6);
/// Of marks that stand for all colours.
const GREY: [u8; 3] = [0x55, 0x55, 0x55];

/// Around a panel and between the entries of a legend.
const MARGIN: u32 = 10;
/// A line of the legend.
const LINE: u32 = 22;
/// The mark of an entry, and what follows it.
const MARK: [u32; 2] = [28, 6];
/// Between entries.
const BETWEEN: u32 = 18;
/// The room for numbers beside and below the axes, and for a name of each.
const NUMBERS: [u32; 2] = [48, 22];
const NAME: u32 = 18;

type Area<B> = DrawingArea<B, Shift>;
type Plane<'a, B> = ChartContext<'a, B, Cartesian2d<Axis, Axis>>;

/// An axis from the least to the greatest value.
#[derive(Clone, Debug)]
struct Axis {
    range: [f64; 2],
    ticks: Ticks,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let [low, high] = self.range;
        let share = (value - low) / (high - low);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.at.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range[0]..self.range[1]
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.label(*value)
    }
}

fn failed(reason: impl Display) -> ChartError {
    ChartError::Draw {
        reason: reason.to_string(),
    }
}

/// Gives the crate its font, once.
fn font() -> Result<(), ChartError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let register = || register_font(FAMILY, FontStyle::Normal, FONT).is_ok();
    match DONE.get_or_init(register) {
        true => Ok(()),
        false => Err(failed(
            "the font that is part of the program cannot be read",
        )),
    }
}

pub(super) fn svg(chart: &Chart, size: [u32; 2]) -> Result<String, ChartError> {
    font()?;
    let [width, height] = size.map(|side| side * FINE);
    let mut text = String::new();
    {
        let backend = SVGBackend::with_string(&mut text, (width, height));
        draw(chart, size, &backend.into_drawing_area())?;
    }
    // The crate's own root has the size of the fine grid.
    let (_, body) = text
        .split_once('\n')
        .ok_or_else(|| failed("it has no root"))?;
    let [across, down] = size;
    let root = format!(
        "<svg width=\"{across}\" height=\"{down}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    Ok(root + body)
}

pub(super) fn pixels(chart: &Chart, size: [u32; 2]) -> Result<RgbImage, ChartError> {
    font()?;
    let [width, height] = size.map(|side| side * FINE);
    let mut fine = vec![0xff; 3 * width as usize * height as usize];
    {
        let backend = BitMapBackend::<RGBPixel>::with_buffer_and_format(&mut fine, (width, height))
            .map_err(failed)?;
        draw(chart, size, &backend.into_drawing_area())?;
    }
    let side = FINE as usize;
    let points = FINE * FINE;
    let mean = |x: u32, y: u32| {
        [0, 1, 2].map(|channel| {
            let mut sum = points / 2;
            for row in 0..side {
                let line = (y as usize * side + row) * width as usize;
                for column in 0..side {
                    let at = line + x as usize * side + column;
                    sum += u32::from(fine[3 * at + channel]);
                }
            }
            (sum / points) as u8
        })
    };
    Ok(RgbImage::from_fn(size[0], size[1], |x, y| {
        image::Rgb(mean(x, y))
    }))
}

/// Draws all of it.
fn draw<B: DrawingBackend>(
    chart: &Chart,
    [width, height]: [u32; 2],
    area: &Area<B>,
) -> Result<(), ChartError> {
    area.fill(&WHITE).map_err(failed)?;
    let top = legend_height(&chart.legend, width)?;
    legend(&chart.legend, width, area)?;
    let fine = |pixels: u32| (pixels * FINE) as i32;
    let columns = chart.columns.clamp(1, chart.panels.len().max(1));
    let below = area
        .clone()
        .shrink((0, fine(top)), (fine(width) as u32, (height - top) * FINE));
    let rows = chart.panels.len().div_ceil(columns);
    let mut empty = true;
    for (panel, area) in chart.panels.iter().zip(below.split_evenly((rows, columns))) {
        empty &= !draw_panel(panel, &area)?;
    }
    if empty {
        return Err(ChartError::Empty);
    }
    area.present().map_err(failed)
}

fn text(size: u32) -> TextStyle<'static> {
    let style: TextStyle<'_> = (FAMILY, size * FINE).into_font().into();
    style.color(&INK)
}

/// The places of a legend's entries from the left and the top, and the number of its lines.
fn places(legend: &[Key], width: u32) -> Result<(Vec<[u32; 2]>, u32), ChartError> {
    font()?;
    let style = text(TEXT);
    let mut places = Vec::with_capacity(legend.len());
    let (mut x, mut line) = (MARGIN, 0);
    for key in legend {
        let (wide, _) = style.font.box_size(&key.name).map_err(failed)?;
        let wide = MARK[0] + MARK[1] + wide.div_ceil(FINE);
        if x > MARGIN && x + wide + MARGIN > width {
            (x, line) = (MARGIN, line + 1);
        }
        places.push([x, line * LINE]);
        x += wide + BETWEEN;
    }
    Ok((places, if legend.is_empty() { 0 } else { line + 1 }))
}

/// The room that a legend takes above the panels of a chart of this width, in pixels.
pub(super) fn legend_height(legend: &[Key], width: u32) -> Result<u32, ChartError> {
    if u64::from(width) > MAX_PIXELS || legend.is_empty() {
        return Ok(0);
    }
    Ok(places(legend, width)?.1 * LINE + MARGIN)
}

fn legend<B: DrawingBackend>(legend: &[Key], width: u32, area: &Area<B>) -> Result<(), ChartError> {
    let centre = Pos::new(HPos::Left, VPos::Center);
    let style = text(TEXT).pos(centre);
    let fine = |pixels: u32| (pixels * FINE) as i32;
    for (key, [x, y]) in legend.iter().zip(places(legend, width)?.0) {
        let rgb = rgb(key.colour.map_or(GREY, colour));
        let middle = fine(y) + fine(MARGIN + LINE) / 2;
        let [left, right] = [fine(x), fine(x + MARK[0])];
        let ends = [(left, middle), (right, middle)];
        match key.mark {
            Mark::Line => area.draw(&PathElement::new(ends, line(rgb))),
            Mark::Dashes => area.draw(&dashes(ends, rgb)),
            Mark::Dot => {
                let middle = ((left + right) / 2, middle);
                area.draw(&Circle::new(middle, 4 * FINE as i32, rgb.filled()))
            }
        }
        .map_err(failed)?;
        let at = (right + fine(MARK[1]), middle);
        area.draw_text(&key.name, &style, at).map_err(failed)?;
    }
    Ok(())
}

fn rgb([r, g, b]: [u8; 3]) -> RGBColor {
    RGBColor(r, g, b)
}

fn line(colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(2 * FINE)
}

fn dashes<C, I>(points: I, colour: RGBColor) -> DashedPathElement<I::IntoIter, i32>
where
    I: IntoIterator<Item = C>,
    I::IntoIter: Clone,
{
    let [dash, gap] = [6, 4].map(|pixels| pixels * FINE as i32);
    let thin = colour.stroke_width(3 * FINE / 2);
    DashedPathElement::new(points, dash, gap, thin)
}

/// Draws a panel; `false` where it has no finite value.
fn draw_panel<B: DrawingBackend>(panel: &Panel, area: &Area<B>) -> Result<bool, ChartError> {
    let curves = panel.curves.iter().map(|curve| &curve.points);
    let clouds = panel.clouds.iter().map(|cloud| &cloud.points);
    let points = || {
        let all = curves.clone().chain(clouds.clone()).flatten();
        all.filter(|point| point.iter().all(|value| value.is_finite()))
    };
    // Lines begin and end at the frame, points do not touch it.
    let room = if panel.clouds.is_empty() { 0.0 } else { 0.03 };
    let x = range(points().map(|point| point[0]), room);
    let y = range(points().map(|point| point[1]), 0.04);
    let (Some(x), Some(y)) = (x, y) else {
        return Ok(false);
    };
    let fine = |pixels: u32| pixels * FINE;
    let title = if panel.title.is_empty() { 0 } else { TITLE + 8 };
    let name = |label: &str| if label.is_empty() { 0 } else { NAME };
    let mut builder = ChartBuilder::on(area);
    builder
        .margin_left(fine(MARGIN / 2 + name(&panel.y_label)))
        .margin_right(fine(2 * MARGIN))
        .margin_top(fine(MARGIN / 2 + title))
        .margin_bottom(fine(MARGIN / 2 + name(&panel.x_label)))
        .y_label_area_size(fine(NUMBERS[0]))
        .x_label_area_size(fine(NUMBERS[1]));
    let (wide, high) = area.dim_in_pixel();
    // A number takes some seventy pixels of a line, and is read well with thirty between lines.
    let across = Ticks::of(x, (wide / fine(70)).clamp(2, 10) as usize, panel.whole_x);
    let down = Ticks::of(y, (high / fine(36)).clamp(2, 10) as usize, false);
    let axis = |range, ticks| Axis { range, ticks };
    let mut plane = builder
        .build_cartesian_2d(axis(x, across), axis(y, down))
        .map_err(failed)?;
    let numbers = text(TEXT);
    plane
        .configure_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(GRID.stroke_width(FINE))
        .axis_style(AXIS.stroke_width(FINE))
        .label_style(numbers)
        .set_all_tick_mark_size(4 * FINE as i32)
        .draw()
        .map_err(failed)?;
    for cloud in &panel.clouds {
        draw_cloud(cloud, &mut plane)?;
    }
    for curve in &panel.curves {
        draw_curve(curve, &mut plane)?;
    }
    drop(plane);
    draw_names(panel, area)?;
    Ok(true)
}

/// The title, and the names of the axes.
fn draw_names<B: DrawingBackend>(panel: &Panel, area: &Area<B>) -> Result<(), ChartError> {
    let fine = |pixels: u32| (pixels * FINE) as i32;
    let (wide, high) = area.dim_in_pixel();
    let (wide, high) = (wide as i32, high as i32);
    let left = fine(MARGIN / 2 + NUMBERS[0])
        + if panel.y_label.is_empty() {
            0
        } else {
            fine(NAME)
        };
    let middle = (left + wide - fine(2 * MARGIN)) / 2;
    let centre = |vertical| Pos::new(HPos::Center, vertical);
    let title = text(TITLE).pos(centre(VPos::Center));
    let at = (middle, fine(MARGIN / 2 + TITLE / 2 + 2));
    area.draw_text(&panel.title, &title, at).map_err(failed)?;
    let name = text(TEXT).pos(centre(VPos::Center));
    let at = (middle, high - fine(MARGIN / 2 + NAME / 2));
    area.draw_text(&panel.x_label, &name, at).map_err(failed)?;
    if panel.y_label.is_empty() {
        return Ok(());
    }
    let turned = (FAMILY, TEXT * FINE)
        .into_font()
        .transform(FontTransform::Rotate270);
    let turned: TextStyle<'_> = turned.into();
    let turned = turned.color(&INK).pos(centre(VPos::Center));
    let at = (fine(MARGIN / 2 + NAME / 2), high / 2);
    area.draw_text(&panel.y_label, &turned, at).map_err(failed)
}

fn draw_cloud<B: DrawingBackend>(
    cloud: &Cloud,
    plane: &mut Plane<'_, B>,
) -> Result<(), ChartError> {
    let style = rgb(colour(cloud.colour)).mix(0.7).filled();
    // Smaller where there are many, so that they do not hide each other.
    let radius = if cloud.points.len() > 300 { 2 } else { 3 } * FINE;
    let finite = |point: &&[f64; 2]| point.iter().all(|value| value.is_finite());
    let points = cloud.points.iter().filter(finite);
    let circles = points.map(|&[x, y]| Circle::new((x, y), radius, style));
    plane.draw_series(circles).map(|_| ()).map_err(failed)
}

fn draw_curve<B: DrawingBackend>(
    curve: &Curve,
    plane: &mut Plane<'_, B>,
) -> Result<(), ChartError> {
    let rgb = rgb(colour(curve.colour));
    let finite = |point: &[f64; 2]| point.iter().all(|value| value.is_finite());
    for part in curve.points.split(|point| !finite(point)) {
        let points: Vec<_> = part.iter().map(|&[x, y]| (x, y)).collect();
        match points.as_slice() {
            [] => continue,
            // A line of one point would not be seen.
            &[point] => {
                let dot = Circle::new(point, 3 * FINE, rgb.filled());
                plane.draw_series([dot]).map(|_| ())
            }
            _ if curve.dashed => plane.draw_series([dashes(points, rgb)]).map(|_| ()),
            _ => plane
                .draw_series([PathElement::new(points, line(rgb))])
                .map(|_| ()),
        }
        .map_err(failed)?;
    }
    Ok(())
}
