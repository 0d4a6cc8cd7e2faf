//! Where an axis has its ticks, and what is written there.

/// Ticks of an axis, with the digits that tell them apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    /// Ascending, within the axis.
    pub(super) at: Vec<f64>,
    decimals: usize,
    /// Powers of ten in the place of many zeros.
    exponents: bool,
}

impl Ticks {
    /// At most about `most` multiples of 1, 2 or 5 times a power of ten from `low` to `high`; of whole numbers alone
    /// where it says so.
    pub(super) fn of([low, high]: [f64; 2], most: usize, whole: bool) -> Self {
        let rough = (high - low) / most.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= rough * (1.0 - 1e-9));
        let step = step.unwrap_or(10.0 * power);
        let step = if whole { step.max(1.0).round() } else { step };
        let slack = 1e-9 * (high - low);
        let first = ((low - slack) / step).ceil();
        let last = ((high + slack) / step).floor();
        let count = (last - first).max(0.0) as usize + 1;
        let at = (0..count).map(|n| (first + n as f64) * step);
        let largest = low.abs().max(high.abs());
        Self {
            at: at
                .filter(|at| *at >= low - slack && *at <= high + slack)
                .collect(),
            decimals: (-step.log10() - 1e-9).ceil().max(0.0) as usize,
            exponents: largest >= 1e6 || step < 1e-4,
        }
    }

    /// What is written at one.
    pub(super) fn label(&self, value: f64) -> String {
        // No zero with a sign.
        let value = value + 0.0;
        let text = match self.exponents {
            true if value == 0.0 => "0".to_owned(),
            true => format!("{:.2e}", value)
                .replace(".00e", "e")
                .replace("0e", "e"),
            false => format!("{value:.*}", self.decimals),
        };
        let zero = text
            .trim_start_matches('-')
            .chars()
            .all(|c| "0.".contains(c));
        match text.strip_prefix('-') {
            Some(rest) if zero => rest.to_owned(),
            Some(rest) => format!("−{rest}"),
            None => text,
        }
    }
}

/// The least and the greatest finite value with room around them, or room alone where they are the same.
pub(super) fn range(values: impl IntoIterator<Item = f64>, room: f64) -> Option<[f64; 2]> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return None;
    }
    let span = high - low;
    // What is rounding beside the values themselves is no span.
    if span <= 1e-12 * low.abs().max(high.abs()) {
        let room = if low == 0.0 {
            0.5
        } else {
            (0.05 * low.abs()).max(0.5)
        };
        return Some([low - room, high + room]);
    }
    Some([low - room * span, high + room * span])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: [f64; 2], most: usize, whole: bool) -> Vec<String> {
        let ticks = Ticks::of(range, most, whole);
        ticks.at.iter().map(|&at| ticks.label(at)).collect()
    }

    #[test]
    fn ticks_are_multiples_of_round_numbers() {
        assert_eq!(
            labels([0.0, 10.0], 5, false),
            ["0", "2", "4", "6", "8", "10"]
        );
        assert_eq!(
            labels([97.2, 131.0], 4, false),
            ["100", "110", "120", "130"]
        );
        assert_eq!(labels([-0.31, 0.32], 4, false), ["−0.2", "0.0", "0.2"]);
        assert_eq!(labels([1.0, 3.0], 8, true), ["1", "2", "3"]);
        assert_eq!(
            labels([1.0, 3.0], 4, false),
            ["1.0", "1.5", "2.0", "2.5", "3.0"]
        );
        assert_eq!(
            labels([0.0, 2.5e6], 5, false),
            ["0", "5e5", "1e6", "1.5e6", "2e6", "2.5e6"]
        );
    }

    #[test]
    fn a_range_has_room_and_is_never_empty() {
        assert_eq!(range([1.0, f64::NAN, 3.0], 0.5), Some([0.0, 4.0]));
        assert_eq!(range([0.0], 0.1), Some([-0.5, 0.5]));
        assert_eq!(range([100.0, 100.0], 0.1), Some([95.0, 105.0]));
        assert_eq!(range([f64::NAN, f64::INFINITY], 0.1), None);
    }
}
