//! Charts: curves and clouds of points with axes and a legend, as SVG or as pixels.
//!
//! Both are drawn by the same code (`draw.rs`) on a grid four times as fine as a pixel: SVG keeps it by its view box, and
//! pixels are means of sixteen points of it, so that lines and letters have smooth edges.

mod colour;
mod draw;
mod ticks;

use image::RgbImage;

pub use colour::colour;

/// Points of the fine grid on a side of a pixel.
const FINE: u32 = 4;
/// The most pixels that a chart may have: more would take more memory than one wants for a chart.
const MAX_PIXELS: u64 = 1 << 24;

/// An error of drawing a chart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// There is nothing to draw: no panel, or none with a finite value.
    #[error("there is nothing to draw: a chart needs a panel with at least one finite value")]
    Empty,

    /// The chart would be too large.
    #[error("a chart of {panels} panels is too large for one picture; draw fewer of them")]
    TooLarge {
        /// How many panels there are.
        panels: usize,
    },

    /// What draws it failed.
    #[error("cannot draw the chart: {reason}")]
    Draw {
        /// What it said.
        reason: String,
    },
}

/// Panels side by side below a legend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// In rows of `columns`, left to right and top to bottom.
    pub panels: Vec<Panel>,
    /// What the colours and marks mean. Empty for no legend.
    pub legend: Vec<Key>,
    /// Panels beside each other, at least 1.
    pub columns: usize,
    /// Width and height of a panel with its axes, in pixels.
    pub panel: [u32; 2],
}

/// A pair of axes with what is drawn between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Above it.
    pub title: String,
    /// Below its horizontal axis; may be empty.
    pub x_label: String,
    /// Beside its vertical axis; may be empty.
    pub y_label: String,
    /// Whether x is a whole number, such as an epoch: then it has no ticks between these.
    pub whole_x: bool,
    /// Lines.
    pub curves: Vec<Curve>,
    /// Points, below the lines.
    pub clouds: Vec<Cloud>,
}

/// A line through points in their order. Where a value is not finite, the line is interrupted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// x and y.
    pub points: Vec<[f64; 2]>,
    /// As [`colour`] counts.
    pub colour: usize,
    /// Dashes in the place of a whole line.
    pub dashed: bool,
}

/// Points of one colour. Those that are not finite are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cloud {
    /// x and y.
    pub points: Vec<[f64; 2]>,
    /// As [`colour`] counts.
    pub colour: usize,
}

/// An entry of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it stands for.
    pub name: String,
    /// As [`colour`] counts, or grey for what is said of all colours.
    pub colour: Option<usize>,
    /// How it is drawn.
    pub mark: Mark,
}

/// How an entry of the legend is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A whole line.
    Line,
    /// A dashed one.
    Dashes,
    /// A point.
    Dot,
}

impl Chart {
    /// Width and height of the whole chart, in pixels.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] and [`ChartError::TooLarge`].
    pub fn size(&self) -> Result<[u32; 2], ChartError> {
        let panels = self.panels.len();
        if panels == 0 || self.panel.contains(&0) {
            return Err(ChartError::Empty);
        }
        let too_large = || ChartError::TooLarge { panels };
        let columns = self.columns.clamp(1, panels);
        let rows = panels.div_ceil(columns);
        let side = |panel: u32, count: usize| {
            let count = u32::try_from(count).ok()?;
            panel.checked_mul(count)
        };
        let size = |legend: u32| {
            let width = side(self.panel[0], columns)?;
            let height = side(self.panel[1], rows)?.checked_add(legend)?;
            let pixels = u64::from(width) * u64::from(height);
            (pixels <= MAX_PIXELS).then_some([width, height])
        };
        let [width, _] = size(0).ok_or_else(too_large)?;
        size(draw::legend_height(&self.legend, width)?).ok_or_else(too_large)
    }

    /// The chart as an SVG document without an XML declaration, which an HTML page takes as it is. Text is text, in the
    /// reader's sans-serif; width and height are [`Chart::size`], and a view box lets it be scaled.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] and [`ChartError::TooLarge`].
    pub fn svg(&self) -> Result<String, ChartError> {
        draw::svg(self, self.size()?)
    }

    /// The chart as pixels, of the size that [`Chart::size`] says.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] and [`ChartError::TooLarge`].
    pub fn pixels(&self) -> Result<RgbImage, ChartError> {
        draw::pixels(self, self.size()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(dashed: bool) -> Chart {
        let points = vec![[1.0, 100.0], [2.0, f64::NAN], [3.0, 90.0], [40.0, 80.0]];
        let panel = Panel {
            title: "recon <&> μ".to_owned(),
            x_label: "epoch".to_owned(),
            whole_x: true,
            curves: vec![Curve {
                points,
                colour: 0,
                dashed,
            }],
            ..Panel::default()
        };
        Chart {
            panels: vec![panel.clone(), panel.clone(), panel],
            legend: vec![Key {
                name: "test".to_owned(),
                colour: Some(0),
                mark: Mark::Line,
            }],
            columns: 2,
            panel: [300, 200],
        }
    }

    fn coloured(picture: &RgbImage) -> usize {
        let own = colour(0);
        picture.pixels().filter(|pixel| pixel.0 == own).count()
    }

    #[test]
    fn svg_and_pixels_have_the_size_that_is_said() {
        let chart = chart(false);
        let [width, height] = chart.size().unwrap();
        assert_eq!(width, 600);
        assert!(height > 400, "two rows and a legend: {height}");
        let pixels = chart.pixels().unwrap();
        assert_eq!(pixels.dimensions(), (width, height));
        let svg = chart.svg().unwrap();
        assert!(
            svg.starts_with(&format!("<svg width=\"{width}\" height=\"{height}\"")),
            "{}",
            &svg[..80]
        );
        assert!(svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.contains("recon &lt;&amp;&gt; μ") && svg.contains("epoch"));
        assert!(!svg.contains("NaN"));
        assert!(svg == chart.svg().unwrap() && pixels == chart.pixels().unwrap());
    }

    #[test]
    fn dashes_leave_gaps_in_what_a_line_fills() {
        let [whole, dashed] =
            [false, true].map(|dashed| coloured(&chart(dashed).pixels().unwrap()));
        assert!(dashed > 0 && 4 * dashed < 3 * whole, "{dashed} of {whole}");
    }

    #[test]
    fn a_chart_of_nothing_is_refused() {
        assert!(matches!(Chart::default().svg(), Err(ChartError::Empty)));
        let mut empty = chart(false);
        for panel in &mut empty.panels {
            panel.curves[0].points = vec![[0.0, f64::INFINITY]];
        }
        assert!(matches!(empty.pixels(), Err(ChartError::Empty)));
        let mut many = chart(false);
        many.panels = vec![many.panels[0].clone(); 1000];
        assert!(matches!(
            many.svg(),
            Err(ChartError::TooLarge { panels: 1000 })
        ));
    }
}
