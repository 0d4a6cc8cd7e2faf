//! The points of a grid of settings.

use std::collections::BTreeSet;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Id};

use crate::cli::failure::Usage;
use crate::cli::train;

/// Points that a grid has at the most: more are a mistake rather than a plan.
const MOST: usize = 10_000;

/// The flag that says where the runs go.
pub(super) const OUT: &str = "out";
/// Flags of `vae train` that are of no use here: a point is a run of its own, and goes on by itself.
const NOT_HERE: [&str; 4] = ["resume", "checkpoint", "seeds", "out"];
/// Flags that say which data: with several values of one of them the data differ from point to point.
const OF_DATA: [&str; 5] = ["data", "data_dir", "features", "init", "config"];

/// The flags of `vae train` with values as text, of which one flag may have several.
pub(super) fn flags(command: Command) -> Command {
    let of_train = train::Args::augment_args(Command::new("train"));
    let mut flags: Vec<Arg> = of_train.get_arguments().cloned().collect();
    flags.retain(|arg| !NOT_HERE.contains(&arg.get_id().as_str()));
    const NONE: Resettable<Id> = Resettable::Reset;
    // What excludes what is checked of each point.
    let flags = flags
        .into_iter()
        .map(|arg| arg.conflicts_with(NONE).requires(NONE));
    let flags = flags.map(|arg| match takes_values(&arg) {
        true => arg
            .value_delimiter(None)
            .value_parser(clap::builder::NonEmptyStringValueParser::new()),
        false => arg,
    });
    let out = Arg::new(OUT)
        .long(OUT)
        .value_name("DIR")
        .help("The folder of the runs; those that are there already go on [default: runs/DATA-N]")
        .value_parser(clap::builder::NonEmptyStringValueParser::new());
    command.args(flags).arg(out)
}

fn takes_values(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What separates the values of a flag: a comma, but a slash where a single value may have commas.
fn separator(arg: &Arg) -> char {
    let has_lists = arg.get_value_delimiter().is_some();
    match has_lists || LISTS.contains(&arg.get_id().as_str()) {
        true => '/',
        false => ',',
    }
}

/// Flags whose single values are lists that clap does not know as such.
const LISTS: [&str; 2] = ["lr_schedule", "between"];

/// Flags, with the values that each has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    axes: Vec<Axis>,
}

#[derive(Clone, Debug)]
struct Axis {
    /// Clap's name of the flag.
    id: String,
    /// `--latent`.
    flag: String,
    /// None of a flag without a value.
    values: Vec<String>,
}

/// A combination of settings.
#[derive(Debug)]
pub(super) struct Point {
    /// What tells it from the others: `latent-5_beta-4`, the name of its run.
    pub(super) name: String,
    /// What `vae train` is to do.
    pub(super) args: train::Args,
}

impl Grid {
    /// The flags that were given.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let command = flags(Command::new("sweep"));
        let of_train = train::Args::augment_args(Command::new("train"));
        let axis = |arg: &Arg| {
            let id = arg.get_id().as_str();
            let given = matches.value_source(id) == Some(ValueSource::CommandLine);
            let long = arg.get_long().filter(|_| given)?;
            let of_train = of_train
                .get_arguments()
                .find(|of| of.get_id() == arg.get_id());
            let separator = of_train.map_or('\0', separator);
            let texts = takes_values(arg).then(|| matches.get_many::<String>(id));
            let texts = texts.flatten().into_iter().flatten();
            let values = texts
                .flat_map(|text| text.split(separator))
                .map(str::to_owned);
            Some(Axis {
                id: id.to_owned(),
                flag: format!("--{long}"),
                values: values.collect(),
            })
        };
        Self {
            axes: command.get_arguments().filter_map(axis).collect(),
        }
    }

    /// Takes a flag out, with its value.
    pub(super) fn take(&mut self, id: &str) -> Option<String> {
        let place = self.axes.iter().position(|axis| axis.id == id)?;
        self.axes.remove(place).values.pop()
    }

    /// Whether all points are of the same data.
    pub(super) fn shares_data(&self) -> bool {
        let mut axes = self.axes.iter().filter(|axis| axis.values.len() > 1);
        axes.all(|axis| !OF_DATA.contains(&axis.id.as_str()))
    }

    /// Every combination, those of the last flag next to each other.
    pub(super) fn points(&self) -> anyhow::Result<Vec<Point>> {
        let count = self.axes.iter().map(|axis| axis.values.len().max(1));
        let count = count.fold(1, usize::saturating_mul);
        if count > MOST {
            return Err(Usage(format!(
                "this grid has {count} combinations, more than the {MOST} that a sweep has room for; give \
                 fewer values"
            ))
            .into());
        }
        let points: anyhow::Result<Vec<_>> = (0..count).map(|number| self.point(number)).collect();
        let points = points?;
        let mut names = BTreeSet::new();
        match points.iter().find(|point| !names.insert(&point.name)) {
            Some(twice) => Err(Usage(format!(
                "two combinations of this grid would be the run {}; give each value once",
                twice.name
            ))
            .into()),
            None => Ok(points),
        }
    }

    /// The combination of this number.
    fn point(&self, mut number: usize) -> anyhow::Result<Point> {
        let mut words = Vec::new();
        let mut names = Vec::new();
        for axis in self.axes.iter().rev() {
            let of_axis = axis.values.len().max(1);
            let value = axis.values.get(number % of_axis);
            number /= of_axis;
            if let Some(value) = value.filter(|_| of_axis > 1) {
                names.push(format!(
                    "{}-{}",
                    axis.flag.trim_start_matches('-'),
                    plain(value)
                ));
            }
            words.push(match value {
                Some(value) => format!("{}={value}", axis.flag),
                None => axis.flag.clone(),
            });
        }
        words.push("vae sweep".to_owned());
        names.reverse();
        let command = train::Args::augment_args(Command::new("vae sweep"));
        let matches = command
            .mut_args(|arg| arg.allow_negative_numbers(true))
            .try_get_matches_from(words.into_iter().rev());
        let args = matches.and_then(|matches| train::Args::from_arg_matches(&matches));
        let args = args.map_err(|error| Usage(first_line(&error.to_string())))?;
        let name = match names.is_empty() {
            true => "run".to_owned(),
            false => names.join("_"),
        };
        Ok(Point { name, args })
    }
}

/// A value as part of a folder's name.
fn plain(value: &str) -> String {
    let keep = |c: char| {
        if c.is_alphanumeric() || ".-".contains(c) {
            c
        } else {
            '+'
        }
    };
    value.chars().map(keep).collect()
}

/// What clap says is wrong, without its prefix and advice.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(words: &[&str]) -> Grid {
        let words = [&["sweep"], words].concat();
        let matches = flags(Command::new("sweep")).try_get_matches_from(words);
        Grid::of(&matches.unwrap())
    }

    fn names(words: &[&str]) -> Vec<String> {
        let points = grid(words).points().unwrap();
        points.into_iter().map(|point| point.name).collect()
    }

    #[test]
    fn a_point_is_a_value_of_every_flag() {
        let found = names(&[
            "--latent",
            "2,5",
            "--beta",
            "1,4",
            "--epochs",
            "3",
            "--residual",
        ]);
        assert_eq!(found.len(), 4);
        assert!(found.contains(&"latent-2_beta-4".to_owned()), "{found:?}");
        let points = grid(&["--latent", "2,5", "--epochs", "3"])
            .points()
            .unwrap();
        let latent = points.iter().map(|point| point.args.overrides.latent);
        assert_eq!(latent.collect::<Vec<_>>(), [Some(2), Some(5)]);
        assert_eq!(points[1].args.overrides.epochs, Some(3));
        assert_eq!(names(&["--epochs", "3"]), ["run"]);
    }

    #[test]
    fn lists_have_slashes_between_them() {
        let points = grid(&["--hidden", "400/200,100"]).points().unwrap();
        let hidden = points
            .iter()
            .map(|point| point.args.overrides.hidden.clone());
        let hidden: Vec<_> = hidden.collect();
        assert_eq!(hidden, [Some(vec![400]), Some(vec![200, 100])]);
        assert_eq!(points[1].name, "hidden-200+100");
    }

    #[test]
    fn what_is_no_value_is_said_by_its_flag() {
        let error = grid(&["--latent", "2,many"]).points().unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("many") && error.contains("--latent"),
            "{error}"
        );
        let twice = grid(&["--latent", "2,2"]).points().unwrap_err();
        assert!(twice.to_string().contains("latent-2"), "{twice}");
        let values = ["1"; 200].join(",");
        let error = grid(&["--latent", &values, "--beta", &values]).points();
        assert!(error.unwrap_err().to_string().contains("40000"));
    }

    #[test]
    fn data_are_shared_unless_they_are_an_axis() {
        assert!(grid(&["--data", "digits", "--latent", "2,5"]).shares_data());
        assert!(!grid(&["--data", "digits,mnist"]).shares_data());
    }
}
