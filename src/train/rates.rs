//! The learning rate's course over a run, as text says it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError};
use crate::graph::{Curve, Schedule, ScheduleError};
use crate::setting::Setting;

/// How the learning rate goes on from where it starts: `constant`, `linear`, `cosine`, or a table such
/// as `1:1e-3,3:7e-4,9:5e-4`, rates for so many passes over the data each, the last of which holds on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LrSchedule {
    /// As it is.
    #[default]
    Constant,
    /// In a straight line to the end of the run.
    Linear,
    /// Along half a cosine to the end of the run.
    Cosine,
    /// (passes, rate) in their order.
    Table(Vec<(u32, f64)>),
}

impl fmt::Display for LrSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = match self {
            Self::Constant => return f.write_str("constant"),
            Self::Linear => return f.write_str("linear"),
            Self::Cosine => return f.write_str("cosine"),
            Self::Table(rates) => rates,
        };
        for (index, (passes, rate)) in rates.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{passes}:{rate:?}")?;
        }
        Ok(())
    }
}

impl FromStr for LrSchedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = |entry: &str| {
            let (passes, rate) = entry.split_once(':')?;
            Some((passes.trim().parse().ok()?, rate.trim().parse().ok()?))
        };
        match text {
            "constant" => Ok(Self::Constant),
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            _ => match text.split(',').map(rate).collect() {
                Some(rates) => Ok(Self::Table(rates)),
                None => Err(format!(
                    "there is no schedule '{text}'; choose constant, linear, cosine or \
                     PASSES:RATE,PASSES:RATE, such as 1:1e-3,3:7e-4"
                )),
            },
        }
    }
}

impl TryFrom<String> for LrSchedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LrSchedule> for String {
    fn from(schedule: LrSchedule) -> Self {
        schedule.to_string()
    }
}

impl Settings {
    /// The learning rate of each step of a training on so many images.
    pub(super) fn schedule(&self, images: usize) -> Result<Schedule, TrainError> {
        let pass = images.div_ceil(self.batch_size.max(1)).max(1) as u64;
        let steps = pass.saturating_mul(self.epochs.into());
        let warmup = self.warmup_steps;
        let decay = |curve| {
            let last = u32::try_from(steps.saturating_sub(1)).unwrap_or(u32::MAX);
            Schedule::decay(curve, [self.lr, self.lr_end], warmup, last)
        };
        let schedule = match &self.lr_schedule {
            LrSchedule::Constant => Ok(Schedule::constant(self.lr)),
            LrSchedule::Linear => decay(Curve::Linear),
            LrSchedule::Cosine => decay(Curve::Cosine),
            LrSchedule::Table(rates) => {
                let starts = rates.iter().scan(0u64, |next, &(passes, rate)| {
                    let first = *next;
                    *next = first.saturating_add(pass.saturating_mul(passes.into()));
                    Some((u32::try_from(first).ok()?, rate))
                });
                // What would begin beyond the last step that can be counted never begins.
                Schedule::table(&starts.collect::<Vec<_>>())
            }
        };
        let whole = schedule.and_then(|schedule| schedule.with_warmup(warmup));
        whole.map_err(|error| match error {
            ScheduleError::Range { .. } => TrainError::setting(
                Setting::WarmupSteps,
                &warmup,
                &format!("the run has {steps} steps, and the rate decays after its warm-up"),
            ),
            other => {
                TrainError::setting(Setting::LrSchedule, &self.lr_schedule, &other.to_string())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_gives_the_schedule_back() {
        for text in [
            "constant",
            "linear",
            "cosine",
            "1:0.001,3:0.0007,2187:0.00000012345678901234567",
        ] {
            let schedule: LrSchedule = text.parse().unwrap();
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        assert_eq!(
            "3:1e-3, 4:2e-3".parse(),
            Ok(LrSchedule::Table(vec![(3, 1e-3), (4, 2e-3)]))
        );
        for bad in [
            "", "cos", "Linear", "1e-3", "1:", ":1e-3", "1:1e-3,", "-1:1e-3", "1.5:1e-3",
        ] {
            let error = bad.parse::<LrSchedule>().unwrap_err();
            assert!(
                error.contains(&format!("'{bad}'")) && error.contains("PASSES:RATE"),
                "{error}"
            );
        }
    }

    /// Ten epochs of three steps.
    fn schedule(settings: Settings) -> Result<Schedule, TrainError> {
        let settings = Settings {
            batch_size: 10,
            ..settings
        };
        settings.schedule(21)
    }

    #[test]
    fn a_decay_reaches_from_the_warmup_to_the_last_step() {
        for lr_schedule in [LrSchedule::Linear, LrSchedule::Cosine] {
            let settings = Settings {
                lr_schedule,
                lr_end: 1e-5,
                warmup_steps: 4,
                ..Settings::default()
            };
            let rate = schedule(settings.clone()).unwrap();
            assert_eq!(
                [0, 3, 4, 29].map(|step| rate.rate(step)),
                [2.5e-4, 1e-3, 1e-3, 1e-5]
            );
            assert!(rate.rate(28) > 1e-5);
            // A run that is made longer stretches it.
            let longer = schedule(Settings {
                epochs: 20,
                ..settings
            })
            .unwrap();
            assert!(longer.rate(29) > 1e-4 && longer.rate(59) == 1e-5);
        }
    }

    #[test]
    fn a_table_counts_passes() {
        // Burda et al. (2015): 3^i passes at 10^(-i/7) of the rate.
        let rates = (0..8).map(|i| (3u32.pow(i), 1e-3 * 10f64.powf(-f64::from(i) / 7.0)));
        let lr_schedule = LrSchedule::Table(rates.collect());
        let settings = Settings {
            lr_schedule,
            ..Settings::default()
        };
        let rate = schedule(settings.clone()).unwrap();
        for (index, first) in [0u32, 1, 4, 13, 40, 121, 364, 1093].into_iter().enumerate() {
            let expected = 1e-3 * 10f64.powf(-(index as f64) / 7.0);
            assert_eq!(rate.rate(3 * first), expected);
            assert!(first == 0 || rate.rate(3 * first - 1) > expected);
        }
        assert_eq!(rate.rate(u32::MAX), rate.rate(3 * 1093));
        // Passes beyond any step are no rates.
        let endless = LrSchedule::Table(vec![(1, 1e-3), (u32::MAX, 1e-4), (u32::MAX, 1e-5)]);
        let endless = schedule(Settings {
            lr_schedule: endless,
            ..settings
        })
        .unwrap();
        assert_eq!(endless.rate(u32::MAX), 1e-4);
    }

    #[test]
    fn what_does_not_fit_the_run_is_said() {
        let text = |settings| schedule(settings).unwrap_err().to_string();
        let warmup = Settings {
            lr_schedule: LrSchedule::Cosine,
            warmup_steps: 30,
            ..Settings::default()
        };
        let error = text(warmup.clone());
        assert!(
            error.contains("the number of warm-up steps is 30: the run has 30 steps"),
            "{error}"
        );
        assert!(
            schedule(Settings {
                warmup_steps: 29,
                ..warmup
            })
            .is_ok()
        );
        let long = Settings {
            lr_schedule: LrSchedule::Table(vec![(1, 0.5); 17]),
            ..Settings::default()
        };
        let error = text(long);
        assert!(
            error.contains("the schedule of the learning rate is 1:0.5,1:0.5")
                && error.contains("17 parts"),
            "{error}"
        );
    }

    #[test]
    fn settings_of_an_older_program_have_none_of_it() {
        let now = toml::to_string(&Settings::default()).unwrap();
        let new = [
            "lr-schedule",
            "lr-end",
            "warmup-steps",
            "weight-decay",
            "clip-norm",
        ];
        let is_old = |line: &&str| !new.iter().any(|key| line.starts_with(key));
        let old: Vec<_> = now.lines().filter(is_old).collect();
        assert_eq!(old.len() + 4, now.lines().count());
        assert_eq!(
            toml::from_str::<Settings>(&old.join("\n")).unwrap(),
            Settings::default()
        );
    }

    #[test]
    fn ranges_are_checked() {
        let defaults = Settings::default;
        let table = |rates| LrSchedule::Table(rates);
        for (bad, name) in [
            (
                Settings {
                    lr_end: -1.0,
                    ..defaults()
                },
                "the last learning rate is -1",
            ),
            (
                Settings {
                    weight_decay: f64::NAN,
                    ..defaults()
                },
                "the weight decay is NaN",
            ),
            (
                Settings {
                    clip_norm: Some(0.0),
                    ..defaults()
                },
                "the largest norm of the gradient is 0",
            ),
            (
                Settings {
                    lr_schedule: table(vec![(0, 0.1)]),
                    ..defaults()
                },
                "the schedule of the learning rate is 0:0.1",
            ),
            (
                Settings {
                    lr_schedule: table(vec![(1, -0.1)]),
                    ..defaults()
                },
                "the schedule of the learning rate is 1:-0.1",
            ),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains('\n'), "{error}");
        }
    }
}
