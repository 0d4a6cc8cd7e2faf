//! What can be wrong with a picture file.

use std::io;

/// Why a file is no picture that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The operating system refused, or an archive that has the file.
    #[error("it cannot be read ({0})")]
    Read(#[from] io::Error),

    /// The contents are of no known kind, whatever the name says.
    #[error("by its contents it is none of PNG, JPEG, WebP and TIFF")]
    Kind,

    /// The contents end too early.
    #[error("it is cut short")]
    CutShort,

    /// The contents are not as the format wants them.
    #[error("it does not decode as {kind} ({reason})")]
    Decode {
        /// The format.
        kind: &'static str,
        /// What the decoder said.
        reason: String,
    },

    /// It has no pixels.
    #[error("it has no pixels")]
    Empty,

    /// Several pictures that follow one another in time.
    #[error("it is an animation, and one picture is wanted")]
    Animation,

    /// Numbers without a black and a white.
    #[error(
        "its pixels are floating-point numbers, of which it does not say what is black and what is white"
    )]
    Floats,

    /// It would need too much memory.
    #[error(
        "it declares {width}x{height} pixels, for which {} MB are needed beyond the file's size, and {} MB are the limit",
        needed.div_ceil(1 << 20),
        limit >> 20
    )]
    TooLarge {
        /// Columns that it declares.
        width: u32,
        /// Rows that it declares.
        height: u32,
        /// Bytes that decoding and resizing it needs.
        needed: u64,
        /// Bytes that it may need.
        limit: u64,
    },

    /// In its archive, it inflates to too much.
    #[error(
        "it inflates to more than {} MB beyond its size in the archive, which is the limit",
        limit >> 20
    )]
    Inflates {
        /// Bytes that it may inflate to beyond its compressed size.
        limit: u64,
    },
}
