//! Settings as errors name them.
//!
//! An error of this library says in words what is wrong and what would be valid, and carries as data
//! which [`Setting`] would put it right. Whoever shows the error adds how that setting is set: the
//! command line its flags, another program its own controls.

use std::fmt;

/// Defines [`Setting`] from a line for each: the variant, its key and its name in a sentence.
macro_rules! settings {
    ($($(#[$doc:meta])* $variant:ident, $key:literal, $name:literal;)*) => {
        /// A setting that an error can be about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Setting {
            $($(#[$doc])* $variant,)*
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its key in kebab case: where [`Settings`](crate::train::Settings) has it, as
            /// `config.toml` calls it.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)*
                }
            }
        }

        impl fmt::Display for Setting {
            /// Its name in a sentence.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $name,)*
                })
            }
        }
    };
}

settings! {
    /// Units of the encoder's hidden layers.
    Hidden, "hidden", "the hidden layers";
    /// Dimensions of the latent.
    Latent, "latent", "the latent's size";
    /// Dimensions of stochastic layers above each other.
    StochasticLayers, "stochastic-layers", "the sizes of the stochastic layers";
    /// Units of the hidden layers between them.
    Between, "between", "the hidden layers between the stochastic layers";
    /// Whether they are inferred by a ladder.
    Ladder, "ladder", "the choice of a ladder";
    /// What hidden layers are normalised by.
    Norm, "norm", "the normalisation of hidden layers";
    /// The probability with which outputs of hidden layers are dropped.
    Dropout, "dropout", "the dropout";
    /// Whether hidden layers add their input to their output.
    Residual, "residual", "the choice of residual connections";
    /// q(z | x).
    Posterior, "posterior", "the posterior";
    /// Maps of a posterior that is a flow.
    FlowSteps, "flow-steps", "the number of the flow's maps";
    /// p(z).
    Prior, "prior", "the prior";
    /// Components of a prior that is a mixture.
    Components, "components", "the number of the prior's components";
    /// p(x | z).
    Likelihood, "likelihood", "the likelihood";
    /// The likelihood's scale.
    Scale, "scale", "the scale";
    /// Levels of a pixel.
    Levels, "levels", "the number of levels";
    /// What the encoder sees of x.
    EncoderInput, "encoder-input", "the encoder's input";
    /// Where labels enter.
    Condition, "condition", "the condition";
    /// How many images a training knows the labels of.
    Labelled, "labelled", "the number of labelled images";
    /// The weight of the classifier.
    Alpha, "alpha", "alpha";
    /// What is minimised.
    Objective, "objective", "the objective";
    /// Draws of z for an image.
    Samples, "samples", "the number of samples";
    /// Groups of draws, each with a bound of its own.
    OuterSamples, "outer-samples", "the number of groups of samples";
    /// The weight of the divergence.
    Beta, "beta", "beta";
    /// Steps of a warm-up of the divergence's weight.
    KlWarmup, "kl-warmup", "the number of warm-up steps of the divergence";
    /// Cycles of the divergence's weight.
    KlCycles, "kl-cycles", "the number of cycles of the divergence";
    /// Nats of each dimension's divergence that are free.
    FreeBits, "free-bits", "the lambda of the free bits";
    /// The weight of the ELBO beside an importance-weighted bound.
    ElboWeight, "elbo-weight", "the weight of the ELBO";
    /// Nats at which the divergence is held.
    Capacity, "capacity", "the capacity";
    /// Steps over which the capacity rises.
    CapacitySteps, "capacity-steps", "the number of steps over which the capacity rises";
    /// The weight of the divergence's distance from the capacity.
    CapacityWeight, "capacity-weight", "the weight of the distance from the capacity";
    /// The InfoVAE's α.
    InfoAlpha, "info-alpha", "the alpha of the InfoVAE";
    /// The InfoVAE's λ.
    InfoLambda, "info-lambda", "the lambda of the InfoVAE";
    /// What is done to values before the model sees them.
    Normalize, "normalize", "the normalisation";
    /// How grey pixels become binary ones.
    Binarize, "binarize", "the binarisation";
    /// What weights and biases are before the first step.
    InitialWeights, "initial-weights", "the way to draw the first weights";
    /// What the output layer's bias is before the first step.
    OutputBias, "output-bias", "the first bias of the output layer";
    /// Images per step.
    BatchSize, "batch-size", "the batch size";
    /// Images that are on the device at once.
    Window, "window", "the window";
    /// Passes over the training images.
    Epochs, "epochs", "the number of epochs";
    /// The learning rate.
    Lr, "lr", "the learning rate";
    /// How the learning rate goes on.
    LrSchedule, "lr-schedule", "the schedule of the learning rate";
    /// Where a decay of the learning rate ends.
    LrEnd, "lr-end", "the last learning rate";
    /// Steps of a warm-up of the learning rate.
    WarmupSteps, "warmup-steps", "the number of warm-up steps";
    /// Adam's decay of the first moment.
    Beta1, "beta1", "Adam's beta1";
    /// Adam's decay of the second moment.
    Beta2, "beta2", "Adam's beta2";
    /// Adam's ε.
    Eps, "eps", "Adam's epsilon";
    /// AdamW's λ.
    WeightDecay, "weight-decay", "the weight decay";
    /// What the weight decay takes from.
    Decay, "decay", "the choice of what decays";
    /// Whose parameters stay as they are.
    Freeze, "freeze", "the choice of what is frozen";
    /// The most that the norm of the whole gradient may be.
    ClipNorm, "clip-norm", "the largest norm of the gradient";
    /// Which adapter runs the kernels.
    Adapter, "adapter", "the adapter";
    /// How a step is cut into launches.
    Plan, "plan", "the plan";
    /// Whether products are computed on matrix units.
    MatrixUnits, "matrix-units", "the use of matrix units";
    /// Whether a named data set is fetched.
    Download, "download", "the download";
    /// Which array of a file has what to train on.
    Array, "array", "the name of the array";
    /// Where named data sets lie.
    DataDir, "data-dir", "the folder of the data sets";
    /// How many images are held out for testing.
    HoldOut, "holdout", "the images held out for testing";
    /// The size that pictures are brought to.
    Size, "size", "the size of the pictures";
    /// Whether broken pictures are left out.
    SkipBroken, "skip-broken", "the choice to leave out broken pictures";
    /// Megabytes that a picture may need.
    DecodeLimit, "decode-limit", "the limit of a picture's memory";
    /// What a column of a table is.
    Column, "column", "what a column is";
    /// What separates the cells of a table.
    Delimiter, "delimiter", "the delimiter";
    /// Whether a table's first row is a header.
    Header, "header", "the header";
    /// Whether rows of an array are those of a table.
    Table, "table", "the choice of a table";
    /// Whether rows and columns of images are exchanged.
    Transpose, "transpose", "the transposition";
    /// How much memory the data take.
    DataMemory, "data-memory", "the memory of the data";
}

/// A change of one setting that puts an error right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The setting to change.
    pub setting: Setting,
    /// A value that would do, as text; `None` where the message says what would.
    pub value: Option<String>,
}

impl Remedy {
    /// Another value of `setting`.
    pub(crate) fn change(setting: Setting) -> Self {
        Self {
            setting,
            value: None,
        }
    }

    /// This value of `setting`.
    pub(crate) fn set(setting: Setting, value: impl fmt::Display) -> Self {
        Self {
            setting,
            value: Some(value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::model::EncoderInput;
    use crate::train::Settings;

    #[test]
    fn the_keys_of_a_trainings_settings_are_those_of_its_configuration() {
        let settings = Settings {
            clip_norm: Some(1.0),
            flow_steps: Some(2),
            stochastic_layers: vec![50, 20],
            between: Some(vec![vec![100]].into()),
            ladder: true,
            capacity_steps: Some(3),
            levels: Some(2),
            encoder_input: Some(EncoderInput::Values),
            labelled: Some(10),
            components: Some(3),
            window: Some(256),
            ..Settings::default()
        };
        let table = toml::Table::try_from(settings).unwrap();
        // What the data, the device and the plan are is no setting of `Settings`.
        let others = [
            "adapter",
            "plan",
            "matrix-units",
            "download",
            "data-dir",
            "holdout",
            "array",
            "size",
            "skip-broken",
            "decode-limit",
            "data-memory",
            "column",
            "delimiter",
            "header",
            "table",
            "transpose",
        ];
        for setting in Setting::ALL {
            let key = setting.key();
            assert!(table.contains_key(key) != others.contains(&key), "{key}");
        }
    }

    /// Every file of Rust below a folder.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    /// Two dashes before a letter are a flag: Rust has no such operator, and WGSL none in an expression.
    #[test]
    fn outside_the_command_line_no_code_names_a_flag() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        assert!(files.contains(&root.join("train/error.rs")));
        files.retain(|path| !path.starts_with(root.join("cli")) && *path != root.join("main.rs"));
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            for line in text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
            {
                let flag = line.split("--").skip(1).find(|rest| {
                    rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '{')
                });
                assert_eq!(flag, None, "{} has in {line:?} a flag", path.display());
            }
        }
    }
}
