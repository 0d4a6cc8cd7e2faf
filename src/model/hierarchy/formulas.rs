//! How a hierarchy is inferred, for settings and for people.

use super::{bottom_up, ladder};
use crate::model::Formula;

/// How the layers of a hierarchy are inferred from an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Inference {
    /// q(z₁ | x) q(z₂ | z₁) …
    #[default]
    BottomUp,
    /// q(z_L | x) q(z_{L−1} | z_L, x) …, with what the networks on the way down say.
    Ladder,
}

impl Inference {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::BottomUp, Self::Ladder];

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::BottomUp => {
                "q(z_1 | x) q(z_2 | z_1) ... from below: Rezende, Mohamed and Wierstra 2014; Burda, Grosse \
                 and Salakhutdinov 2016"
            }
            Self::Ladder => {
                "q(z_l | z_(l+1), x) is the product of an estimate by x and of p(z_l | z_(l+1)): Sønderby, \
                 Raiko, Maaløe, Sønderby and Winther 2016, Ladder Variational Autoencoders"
            }
        }
    }

    /// The formulas of a layer below the highest.
    pub fn formulas(self) -> Vec<Formula> {
        match self {
            Self::BottomUp => vec![Formula {
                name: "kl_l",
                expr: bottom_up::excess(),
                operands: vec!["z", "eps", "logvar", "p_mu", "p_logvar"],
                of: "ln q(z_l | z_(l-1)) - ln p(z_l | z_(l+1)) of a draw z = mu + exp(logvar/2) eps, \
                     summed over the layer's dimensions; kl is the sum over the layers",
            }],
            Self::Ladder => {
                let names = ["mu", "logvar", "p_mu", "p_logvar", "eps", "z"];
                let [estimate, prior] = ladder::both();
                let logvar = ladder::logvar(estimate[1].clone(), prior[1].clone());
                let mu = ladder::mu(estimate, prior);
                let formula = |name, expr, of| Formula {
                    name,
                    expr,
                    operands: names.to_vec(),
                    of,
                };
                vec![
                    formula("q_mu", mu, ""),
                    formula(
                        "q_logvar",
                        logvar,
                        "of an estimate N(mu, exp(logvar)) by x and of p(z_l | z_(l+1))",
                    ),
                    formula(
                        "kl_l",
                        ladder::excess(),
                        "ln q(z_l | z_(l+1), x) - ln p(z_l | z_(l+1)) of a draw \
                         z = q_mu + exp(q_logvar/2) eps, summed over the layer's dimensions; kl is the \
                         sum over the layers",
                    ),
                ]
            }
        }
    }
}
