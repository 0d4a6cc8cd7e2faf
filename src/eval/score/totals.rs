//! What the draws of an example add up to.

use super::ScoreBy;

/// The score of one example, and what each of its values adds to it, as its draws come one by one.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    by: ScoreBy,
    draws: usize,
    /// Σ −ln p(x | z).
    recon: f64,
    /// Σ ln q(z | x) − ln p(z).
    excess: f64,
    /// The divergence in closed form.
    kl: Option<f64>,
    /// The largest logarithm of an importance weight so far.
    largest: f64,
    /// Σ weight / exp(largest).
    weights: f64,
    /// Of each value Σ −ln p(x_d | z), each draw with its importance weight / exp(largest) where the score is by these.
    cells: Vec<f64>,
}

impl Totals {
    /// Of an example whose values have so many cells; none where nobody asks for them.
    pub(super) fn new(by: ScoreBy, cells: usize) -> Self {
        Self {
            by,
            draws: 0,
            recon: 0.0,
            excess: 0.0,
            kl: None,
            largest: f64::NEG_INFINITY,
            weights: 0.0,
            cells: vec![0.0; cells],
        }
    }

    /// The divergence in closed form, from that of each dimension.
    pub(super) fn set_kl(&mut self, each: &[f32]) {
        self.kl = Some(each.iter().map(|&kl| f64::from(kl)).sum());
    }

    /// A further draw: −ln p(x | z), ln q(z | x) − ln p(z), and −ln p of each value.
    pub(super) fn add(&mut self, recon: f32, excess: f32, cells: &[f32]) {
        let (recon, excess) = (f64::from(recon), f64::from(excess));
        self.draws += 1;
        self.recon += recon;
        self.excess += excess;
        let mut share = 1.0;
        if let ScoreBy::LogLikelihood { .. } = self.by {
            share = self.weigh(-recon - excess);
        }
        // What has no weight adds nothing, and may be no number.
        if share > 0.0 {
            for (sum, &cell) in self.cells.iter_mut().zip(cells) {
                *sum += share * f64::from(cell);
            }
        }
    }

    /// The weight of a draw beside exp(largest), from its logarithm.
    fn weigh(&mut self, log_weight: f64) -> f64 {
        // A draw whose densities overflow f32 (an example far beyond those of the training: a decoder's ∞ − ∞ is no
        // number) has no weight beside the others.
        if log_weight.is_nan() || log_weight == f64::NEG_INFINITY {
            return 0.0;
        }
        if log_weight > self.largest {
            let before = (self.largest - log_weight).exp();
            self.weights *= before;
            self.cells.iter_mut().for_each(|sum| *sum *= before);
            self.largest = log_weight;
        }
        let share = (log_weight - self.largest).exp();
        self.weights += share;
        share
    }

    /// The score in nats; ∞ where densities overflow f32.
    pub(super) fn score(&self) -> f64 {
        let draws = self.draws as f64;
        infinite_if_nan(match self.by {
            ScoreBy::LogLikelihood { .. } => draws.ln() - self.largest - self.weights.ln(),
            ScoreBy::Elbo { .. } => self.recon / draws + self.kl.unwrap_or(self.excess / draws),
            ScoreBy::Reconstruction => self.recon,
        })
    }

    /// What each value adds to the score, in nats; ∞ where that cannot be told, since densities overflow f32.
    pub(super) fn cells(&self) -> impl Iterator<Item = f64> {
        let whole = match self.by {
            ScoreBy::LogLikelihood { .. } => self.weights,
            ScoreBy::Elbo { .. } | ScoreBy::Reconstruction => self.draws as f64,
        };
        self.cells
            .iter()
            .map(move |sum| infinite_if_nan(sum / whole))
    }
}

/// The parameters of a model are finite, and so are the values it is given: what is no number then is a density that
/// overflowed on the way.
fn infinite_if_nan(nats: f64) -> f64 {
    match nats.is_nan() {
        true => f64::INFINITY,
        false => nats,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A draw that overflows is no number: others count without it, and alone it is infinitely strange.
    #[test]
    fn what_overflows_is_infinitely_strange() {
        let by = ScoreBy::LogLikelihood { samples: 2 };
        let mut totals = Totals::new(by, 1);
        totals.add(f32::NAN, f32::INFINITY, &[f32::NAN]);
        assert_eq!(totals.score(), f64::INFINITY);
        totals.add(3.0, 1.0, &[3.0]);
        assert!((totals.score() - (4.0 + 2f64.ln())).abs() < 1e-6);
        assert_eq!(totals.cells().next(), Some(3.0));
        for by in [ScoreBy::Elbo { samples: 1 }, ScoreBy::Reconstruction] {
            let mut totals = Totals::new(by, 1);
            totals.add(f32::NAN, f32::NAN, &[f32::NAN]);
            assert_eq!(totals.score(), f64::INFINITY);
            assert_eq!(totals.cells().next(), Some(f64::INFINITY));
        }
    }
}
