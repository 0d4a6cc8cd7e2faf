//! What has no place in an ONNX file.

use std::fmt;

/// Why a graph cannot be written as an ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// An operation that is no function of the graph's inputs, or none that ONNX has.
    #[error("{tensor} cannot be written as ONNX: {reason}")]
    Operation {
        /// The operation's result.
        tensor: String,
        /// What is in the way.
        reason: Obstacle,
    },
    /// A parameter that nobody has values for.
    #[error("there are no values of the parameter {name}")]
    NoParameter {
        /// The parameter.
        name: String,
    },
    /// More parameters than a file of protocol buffers has bytes.
    #[error(
        "the parameters are {bytes} bytes, and an ONNX file in one piece has at most {most}; a smaller model fits"
    )]
    TooLarge {
        /// Their size.
        bytes: u64,
        /// The most.
        most: u64,
    },
}

/// What is in the way of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It draws numbers.
    Draws,
    /// It reads a data set.
    ReadsData,
    /// It follows a training's steps.
    FollowsSteps,
    /// It is a function that ONNX has not and that is not composed of its functions here.
    Function(&'static str),
    /// Its shape depends on the batch in another way than by so many rows for each.
    Shape,
    /// Its values are others for another batch.
    Values,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draws => {
                f.write_str("it is drawn at random, and a file computes the same each time")
            }
            Self::ReadsData => f.write_str("it is read from a data set"),
            Self::FollowsSteps => f.write_str("it follows the steps of a training"),
            Self::Function(name) => write!(f, "ONNX has no function {name}"),
            Self::Shape => f.write_str("its shape does not grow with the rows of a batch"),
            Self::Values => f.write_str("it is another computation for another batch"),
        }
    }
}
