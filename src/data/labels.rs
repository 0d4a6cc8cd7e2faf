//! Which labels: numbers, ranges of numbers, or the words that the data have for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Dataset, Split};

/// Labels that somebody has named: `0-8`, `1,7`, `cat,dog`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Labels(Vec<Named>);

/// One label, or some that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Numbers(u8, u8),
    Word(String),
}

/// Labels that cannot be chosen by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// A word that the data have for no label.
    #[error("no label of {data} is called '{word}'{}", known(classes))]
    Unknown {
        /// What the data are called.
        data: String,
        /// The word.
        word: String,
        /// The words that there are.
        classes: Vec<String>,
    },
    /// Data without labels.
    #[error("the {part} examples of {data} have no labels to choose by; use data with labels")]
    NoLabels {
        /// What the data are called.
        data: String,
        /// Which examples: `training` or `test`.
        part: &'static str,
    },
    /// No example with any of the labels.
    #[error("none of the {count} {part} examples of {data} has a label of {labels}")]
    None {
        /// What the data are called.
        data: String,
        /// Which examples: `training` or `test`.
        part: &'static str,
        /// How many there are.
        count: usize,
        /// What was asked for.
        labels: String,
    },
}

/// The words that there are, at the end of a message.
fn known(classes: &[String]) -> String {
    match classes {
        [] => "; its labels are numbers".to_owned(),
        _ => format!(", but {}", classes.join(", ")),
    }
}

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |text: &str| match text.trim() {
            "" => Err("a label is missing; name labels such as 0-8, or cat,dog".to_owned()),
            text => Named::of(text),
        };
        text.split(',')
            .map(named)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TryFrom<String> for Labels {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Labels> for String {
    fn from(labels: Labels) -> Self {
        labels.to_string()
    }
}

impl Named {
    fn of(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Numbers(number, number));
        }
        let ends = text.split_once('-');
        let ends = ends.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match ends {
            Some((first, last)) if first > last => Err(format!(
                "the labels {text} are none: give the lower one first"
            )),
            Some((first, last)) => Ok(Self::Numbers(first, last)),
            None => Ok(Self::Word(text.to_owned())),
        }
    }
}

impl fmt::Display for Labels {
    /// What parses back to the same labels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, named) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match named {
                Named::Numbers(first, last) if first == last => write!(f, "{first}")?,
                Named::Numbers(first, last) => write!(f, "{first}-{last}")?,
                Named::Word(word) => f.write_str(word)?,
            }
        }
        Ok(())
    }
}

impl Labels {
    /// Which labels these are, by their numbers, in data of this name with these words for classes. A word comes before a
    /// number: where classes are called 1, 2, 3, these are meant.
    ///
    /// # Errors
    /// Where a word is none of the data's.
    pub fn chosen(&self, data: &str, classes: &[String]) -> Result<[bool; 256], LabelsError> {
        let mut chosen = [false; 256];
        let class = |word: &str| classes.iter().position(|class| class == word);
        for named in &self.0 {
            match named {
                Named::Numbers(first, last) => {
                    let word = Some(first).filter(|_| first == last).map(u8::to_string);
                    match word.and_then(|word| class(&word)) {
                        Some(class) => chosen[class.min(255)] = true,
                        None => chosen[usize::from(*first)..=usize::from(*last)].fill(true),
                    }
                }
                Named::Word(word) => match class(word) {
                    Some(class) => chosen[class.min(255)] = true,
                    None => {
                        return Err(LabelsError::Unknown {
                            data: data.to_owned(),
                            word: word.clone(),
                            classes: classes.to_vec(),
                        });
                    }
                },
            }
        }
        Ok(chosen)
    }
}

impl Dataset {
    /// Leaves out the training and the test examples that have none of these labels.
    ///
    /// # Errors
    /// Where there are no labels, a word is none of the data's, or no example would be left of either.
    pub fn keep_only(&mut self, labels: &Labels) -> Result<(), LabelsError> {
        let chosen = labels.chosen(&self.name, &self.classes)?;
        for (part, split) in [("training", &mut self.train), ("test", &mut self.test)] {
            let data = self.name.clone();
            let Some(of_split) = &split.labels else {
                return Err(LabelsError::NoLabels { data, part });
            };
            let numbered = of_split.iter().enumerate();
            let kept = numbered.filter(|(_, label)| chosen[usize::from(**label)]);
            let kept: Vec<usize> = kept.map(|(example, _)| example).collect();
            if kept.is_empty() {
                return Err(LabelsError::None {
                    data,
                    part,
                    count: of_split.len(),
                    labels: labels.to_string(),
                });
            }
            if kept.len() < of_split.len() {
                *split = split.chosen(&kept);
            }
        }
        Ok(())
    }
}

impl Split {
    /// A copy of the examples of these numbers, in their order.
    ///
    /// # Panics
    /// Where there are fewer examples.
    #[must_use]
    pub fn chosen(&self, numbers: &[usize]) -> Self {
        let labels = self.labels.as_ref();
        let labels = labels.map(|labels| numbers.iter().map(|&number| labels[number]).collect());
        Self {
            images: self.images.chosen(numbers),
            labels,
            factors: self.factors.as_ref().map(|of| of.chosen(numbers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Images;

    fn data() -> Dataset {
        let split = |labels: Vec<u8>| Split {
            images: Images {
                count: labels.len(),
                height: 1,
                width: 1,
                channels: 1,
                pixels: labels.clone().into(),
            },
            labels: Some(labels),
            factors: None,
        };
        Dataset {
            name: "animals".to_owned(),
            train: split(vec![0, 1, 2, 1, 0]),
            test: split(vec![2, 1]),
            notes: Vec::new(),
            held_out: false,
            classes: Vec::new(),
            table: None,
        }
    }

    #[test]
    fn labels_are_numbers_ranges_and_words() {
        for text in ["0-8", "1,7", "cat,dog", "3,cat,5-9", "new-found-land"] {
            assert_eq!(text.parse::<Labels>().unwrap().to_string(), text);
        }
        for wrong in ["", "1,,2", "8-0"] {
            assert!(wrong.parse::<Labels>().is_err(), "{wrong}");
        }
        let words = ["cat", "7", "dog"].map(str::to_owned);
        let chosen = "7,dog"
            .parse::<Labels>()
            .unwrap()
            .chosen("", &words)
            .unwrap();
        let numbers: Vec<_> = (0..256).filter(|&label| chosen[label]).collect();
        assert_eq!(numbers, [1, 2], "a word comes before a number");
    }

    #[test]
    fn examples_of_other_labels_are_left_out_of_both_parts() {
        let mut kept = data();
        kept.keep_only(&"1-2".parse().unwrap()).unwrap();
        assert_eq!(kept.train.labels.as_deref(), Some(&[1, 2, 1][..]));
        assert_eq!(kept.train.images.pixels.as_bytes(), Some(&[1, 2, 1][..]));
        assert_eq!(kept.test.images.count, 2);
        let message = |labels: &str, mut data: Dataset| {
            let refused = data.keep_only(&labels.parse().unwrap());
            refused.unwrap_err().to_string()
        };
        assert!(message("0", data()).contains("none of the 2 test examples"));
        assert!(message("cat", data()).contains("called 'cat'; its labels are numbers"));
        let mut unlabelled = data();
        unlabelled.test.labels = None;
        assert!(message("1", unlabelled).contains("test examples of animals have no labels"));
    }
}
