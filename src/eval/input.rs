//! Whether rows and labels are ones that a model takes.

use super::Autoencoder;
use crate::model::{Condition, Vae};

/// Rows or labels that a model does not take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputError {
    /// Values that are no whole number of rows.
    #[error(
        "{values} values are no whole number of rows of {width} values, which is what {what} of this model has; \
         give rows of that width"
    )]
    Values {
        /// How many there are.
        values: usize,
        /// How many a row has.
        width: usize,
        /// What a row is: `an example`, `a latent`.
        what: &'static str,
    },
    /// Rows of another width.
    #[error(
        "the rows have {found} values each, and {what} of this model has {width}; give rows of that width"
    )]
    Width {
        /// Values of a row that was given.
        found: usize,
        /// Values that a row has.
        width: usize,
        /// What a row is.
        what: &'static str,
    },
    /// A value that is no number.
    #[error(
        "row {row}, value {column} (both from 0) is {value}, and a model takes finite numbers alone; repair or leave \
         out that row"
    )]
    NonFinite {
        /// The row, from 0.
        row: usize,
        /// The value's place in it, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// Labels are read, and there are none.
    #[error(
        "the model reads the label of each example (condition {}), and none are given; give a label for each row",
        condition.name()
    )]
    NoLabels {
        /// What reads them.
        condition: Condition,
    },
    /// Another number of labels than of rows.
    #[error("{labels} labels were given for {rows} rows; give one for each row")]
    Labels {
        /// How many labels there are.
        labels: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A label that is none of the model's classes.
    #[error(
        "the label of row {row} (from 0) is {label}, and the model knows the {classes} classes from 0 to {}; give \
         labels of these",
        classes.saturating_sub(1)
    )]
    Label {
        /// The row, from 0.
        row: usize,
        /// Its label.
        label: u8,
        /// How many classes there are.
        classes: usize,
    },
}

/// What a model takes, kept by whoever checks rows without it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Values of an example, D.
    pub(super) width: usize,
    /// What reads labels.
    pub(super) condition: Condition,
    /// Classes of the labels.
    pub(super) classes: usize,
}

impl Taken {
    /// What this model takes.
    pub(super) fn of(vae: &Vae) -> Self {
        let config = vae.config();
        Self {
            width: config.input_dim,
            condition: config.condition,
            classes: config.classes,
        }
    }

    /// How many examples these are, with the labels that the model reads of them.
    pub(super) fn check<'a>(
        self,
        rows: &[f32],
        labels: Option<&'a [u8]>,
    ) -> Result<(usize, Option<&'a [u8]>), InputError> {
        let count = whole_rows(rows, self.width, "an example")?;
        if self.condition == Condition::None {
            return Ok((count, None));
        }
        Ok((count, Some(self.checked_labels(count, labels)?)))
    }

    /// The labels of so many rows.
    pub(super) fn checked_labels(
        self,
        rows: usize,
        labels: Option<&[u8]>,
    ) -> Result<&[u8], InputError> {
        let condition = self.condition;
        let labels = labels.ok_or(InputError::NoLabels { condition })?;
        if labels.len() != rows {
            let labels = labels.len();
            return Err(InputError::Labels { labels, rows });
        }
        let classes = self.classes;
        match labels.iter().position(|&l| usize::from(l) >= classes) {
            Some(row) => Err(InputError::Label {
                row,
                label: labels[row],
                classes,
            }),
            None => Ok(labels),
        }
    }
}

/// How many rows of so many finite values these are.
pub(super) fn whole_rows(
    values: &[f32],
    width: usize,
    what: &'static str,
) -> Result<usize, InputError> {
    if !values.len().is_multiple_of(width.max(1)) {
        return Err(InputError::Values {
            values: values.len(),
            width,
            what,
        });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(InputError::NonFinite {
            row: at / width,
            column: at % width,
            value: values[at],
        }),
        None => Ok(values.len() / width.max(1)),
    }
}

impl Autoencoder {
    /// Whether [`Autoencoder::encode`] takes these rows and labels; returns how many examples they are.
    ///
    /// # Errors
    /// Where values are missing or not finite, or labels that the model reads are missing or none of its classes.
    pub fn check_examples(&self, rows: &[f32], labels: Option<&[u8]>) -> Result<usize, InputError> {
        Taken::of(self.vae())
            .check(rows, labels)
            .map(|(count, _)| count)
    }

    /// Whether [`Autoencoder::decode`] takes these latents and labels; returns how many they are.
    ///
    /// # Errors
    /// As [`Autoencoder::check_examples`].
    pub fn check_latents(
        &self,
        latents: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<usize, InputError> {
        let count = whole_rows(latents, self.vae().config().latent_dim, "a latent")?;
        if self.vae().config().condition.decoder() {
            Taken::of(self.vae()).checked_labels(count, labels)?;
        }
        Ok(count)
    }
}
