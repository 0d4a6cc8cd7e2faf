//! The messages of an event file, as far as this program writes them.
//!
//! Names and numbers of the fields are those of TensorFlow's `event.proto`, `summary.proto` and `histogram.proto`, which
//! TensorBoard has copies of. A reader skips fields that it does not know, so that a part of a message is a message.

/// What happened at a step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// When, in seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The step.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What.
    #[prost(oneof = "event::What", tags = "3, 5, 7")]
    pub what: Option<event::What>,
}

/// What an [`Event`] can be.
pub mod event {
    /// One of these.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum What {
        /// The file begins, in this version of the format: the first event of each.
        #[prost(string, tag = "3")]
        FileVersion(String),
        /// Values by their tags.
        #[prost(message, tag = "5")]
        Summary(super::Summary),
        /// A training begins.
        #[prost(message, tag = "7")]
        SessionLog(super::SessionLog),
    }
}

/// Values of a step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Summary {
    /// Each with its tag.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// A value with its tag.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// The value.
    #[prost(oneof = "value::Kind", tags = "2, 4, 5")]
    pub kind: Option<value::Kind>,
}

/// What a [`Value`] can be.
pub mod value {
    /// One of these.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Kind {
        /// A number.
        #[prost(float, tag = "2")]
        SimpleValue(f32),
        /// A picture.
        #[prost(message, tag = "4")]
        Image(super::Image),
        /// A distribution.
        #[prost(message, tag = "5")]
        Histo(super::Histogram),
    }
}

/// A picture.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// In pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// In pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Channels: 1 is grey.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// A PNG file.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// A distribution: moments and buckets.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Histogram {
    /// The least value.
    #[prost(double, tag = "1")]
    pub min: f64,
    /// The greatest value.
    #[prost(double, tag = "2")]
    pub max: f64,
    /// How many values.
    #[prost(double, tag = "3")]
    pub num: f64,
    /// Their sum.
    #[prost(double, tag = "4")]
    pub sum: f64,
    /// The sum of their squares.
    #[prost(double, tag = "5")]
    pub sum_squares: f64,
    /// The upper end of each bucket; the lower one is the upper end of the bucket before.
    #[prost(double, repeated, tag = "6")]
    pub bucket_limit: Vec<f64>,
    /// Values in each bucket.
    #[prost(double, repeated, tag = "7")]
    pub bucket: Vec<f64>,
}

/// Where a training stands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionLog {
    /// [`SessionLog::START`], or others that this program does not write.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

impl SessionLog {
    /// The training begins at the event's step: what older files say of this step and of later ones is void.
    pub const START: i32 = 1;
}
