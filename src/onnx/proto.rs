//! The messages of an ONNX file, as far as this program writes them.
//!
//! Names and numbers of the fields are those of ONNX's `onnx.proto`. A reader takes the defaults of fields that are not
//! there, so that a part of a message is a message.

/// A graph and what is to be known of it: a file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Model {
    /// The version of the file's format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// What it is, for people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// What is computed.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// The operators' versions.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Texts by key.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A version of the operators of a domain.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorSet {
    /// The domain; ONNX's own has no name.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// The version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A text with its key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entry {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Nodes, in an order in which they can run, between inputs and outputs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Graph {
    /// The operations.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// What it is called.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants and parameters.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// What the caller gives.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// What the caller gets.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// An operation on named values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Node {
    /// The operands.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The results.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// What the node is called.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// What the operator is told besides.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// What an operator is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A whole number.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub t: Option<Tensor>,
    /// Whole numbers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of them: [`Attribute::INT`] and so on.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

impl Attribute {
    /// A whole number.
    pub const INT: i32 = 2;
    /// A tensor.
    pub const TENSOR: i32 = 4;
    /// Whole numbers.
    pub const INTS: i32 = 7;
}

/// An array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tensor {
    /// Its dimensions; none of one value.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// Its element type: [`Tensor::FLOAT`] and so on.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// What it is called.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Its elements, row-major and little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

impl Tensor {
    /// f32.
    pub const FLOAT: i32 = 1;
    /// u8.
    pub const UINT8: i32 = 2;
    /// i64.
    pub const INT64: i32 = 7;
    /// 64-bit floats.
    pub const DOUBLE: i32 = 11;
}

/// A value that the caller gives or gets.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfo {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
    /// What it is, for people.
    #[prost(string, tag = "3")]
    pub doc_string: String,
}

/// A type: that of an array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Type {
    /// Of what.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// The type of an array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorType {
    /// Its element type, as [`Tensor`] has it.
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Its dimensions.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// Dimensions of an array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShape {
    /// Each.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// A dimension of an array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Dimension {
    /// How large it is.
    #[prost(oneof = "dimension::Value", tags = "1, 2")]
    pub value: Option<dimension::Value>,
}

/// What a [`Dimension`] can be.
pub mod dimension {
    /// One of these.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        /// A number.
        #[prost(int64, tag = "1")]
        DimValue(i64),
        /// A name for what is known when it runs.
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
