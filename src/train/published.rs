//! What published settings reached, by their authors and by other people's programs.

use super::Preset;

/// A figure by which a setting is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The training loss of the last epoch, in nats: the mean over its steps, each before its update.
    TrainLoss,
    /// −ELBO of the test images, in nats, with one draw of z for each.
    TestElbo,
    /// −ln p(x) of the test images, in nats, by so many importance samples.
    TestNll {
        /// K.
        samples: u32,
    },
    /// The share of the test images whose label the model's classifier does not say, in per cent.
    ErrorRate,
}

impl Quantity {
    /// What it is, for people.
    pub fn describe(self) -> String {
        match self {
            Self::TrainLoss => "training loss of the last epoch, nats".to_owned(),
            Self::TestElbo => "−ELBO of the test images, nats".to_owned(),
            Self::TestNll { samples } => {
                format!("−ln p(x) of the test images by {samples} importance samples, nats")
            }
            Self::ErrorRate => "errors among the test images, %".to_owned(),
        }
    }
}

/// What somebody reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Who, and where it can be read.
    pub who: &'static str,
    /// The figure; `None` where only a curve was printed.
    pub value: Option<f64>,
    /// What else there is to know: the spread over seeds, another setting.
    pub note: &'static str,
}

/// A setting with what was reached by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The setting.
    pub preset: Preset,
    /// What is compared.
    pub quantity: Quantity,
    /// First the source's own figure, then those of independent programs.
    pub rows: &'static [Row],
}

const BY_5000: Quantity = Quantity::TestNll { samples: 5000 };
const BURDA: &str = "Burda, Grosse and Salakhutdinov 2016, table 1";
const NBIP: &str = "github.com/nbip/IWAE (TensorFlow 2)";
const XQDING: &str = "github.com/xqding/Importance_Weighted_Autoencoders (PyTorch)";
const OTHER_STEPS: &str = "with another optimiser's schedule";

/// The rows of a setting of Burda et al.: the paper's value, and those of two independent programs.
const fn of_burda(paper: f64, nbip: f64, xqding: f64) -> [Row; 3] {
    const fn row(who: &'static str, value: f64, note: &'static str) -> Row {
        Row {
            who,
            value: Some(value),
            note,
        }
    }
    [
        row(BURDA, paper, ""),
        row(NBIP, nbip, ""),
        row(XQDING, xqding, OTHER_STEPS),
    ]
}

const BURDA_1: [Row; 3] = of_burda(86.76, 86.35, 87.78);
const IWAE_5: [Row; 3] = of_burda(85.54, 85.18, 85.46);
const IWAE_50: [Row; 3] = of_burda(84.78, 84.59, 84.59);
const BURDA_2: [Row; 3] = of_burda(85.33, 84.83, 89.16);

impl Published {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self {
            preset: Preset::Blog,
            quantity: Quantity::TestElbo,
            rows: &[Row {
                who: "the same program in PyTorch 2.15",
                value: Some(129.4),
                note: "mean of six seeds, 126.3 to 132.5 (docs/results.md)",
            }],
        },
        Self {
            preset: Preset::Textbook,
            quantity: Quantity::TrainLoss,
            rows: &[Row {
                who: "the text itself",
                value: Some(30.35),
                note: "",
            }],
        },
        Self {
            preset: Preset::Aevb,
            quantity: Quantity::TestElbo,
            rows: &[Row {
                who: "Kingma and Welling 2013, figure 2",
                value: None,
                note: "a curve; no figure is printed",
            }],
        },
        Self {
            preset: Preset::Burda1,
            quantity: BY_5000,
            rows: &BURDA_1,
        },
        Self {
            preset: Preset::Burda2,
            quantity: BY_5000,
            rows: &BURDA_2,
        },
        Self {
            preset: Preset::Iwae5,
            quantity: BY_5000,
            rows: &IWAE_5,
        },
        Self {
            preset: Preset::Iwae50,
            quantity: BY_5000,
            rows: &IWAE_50,
        },
        Self {
            preset: Preset::M21000,
            quantity: Quantity::ErrorRate,
            rows: &[Row {
                who: "Kingma, Rezende, Mohamed and Welling 2014, table 1",
                value: Some(3.60),
                note: "± 0.56 over draws of the labelled images",
            }],
        },
        Self {
            preset: Preset::Vamp,
            quantity: BY_5000,
            rows: &[
                Row {
                    who: "Tomczak and Welling 2018, table 1",
                    value: Some(85.57),
                    note: "pixels drawn once, gated layers",
                },
                Row {
                    who: "pythae (huggingface.co/clementchadebec/reproduced_vamp)",
                    value: Some(85.79),
                    note: "pixels drawn once",
                },
            ],
        },
    ];

    /// The setting of this name, if it is one of them.
    pub fn find(name: &str) -> Option<&'static Self> {
        const ALL: &[Published] = &Published::ALL;
        ALL.iter().find(|one| one.preset.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_there_once_and_trains() {
        for published in Published::ALL {
            let found = Published::find(published.preset.name());
            assert_eq!(found, Some(&published));
            assert!(published.preset.settings().check().is_ok());
            assert!(!published.rows.is_empty());
        }
        assert_eq!(Published::find("beta-4"), None);
    }
}
