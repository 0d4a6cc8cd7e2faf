//! The kinds of numbers that an IDX file can have, big-endian: the third byte of its magic number.

/// A kind of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Element {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::U8,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::F32,
        Self::F64,
    ];

    /// Its byte in a magic number.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::U8 => 0x08,
            Self::I8 => 0x09,
            Self::I16 => 0x0b,
            Self::I32 => 0x0c,
            Self::F32 => 0x0d,
            Self::F64 => 0x0e,
        }
    }

    /// The magic number of a file of this kind with so many dimensions.
    pub(super) fn magic(self, dimensions: usize) -> u32 {
        u32::from(self.code()) << 8 | dimensions as u32
    }

    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Appends whole numbers as the nearest `f32`.
    pub(super) fn decode(self, bytes: &[u8], floats: &mut Vec<f32>) {
        match self {
            Self::U8 => floats.extend(bytes.iter().map(|&byte| f32::from(byte))),
            Self::I8 => each(bytes, floats, |of| f32::from(i8::from_be_bytes(of))),
            Self::I16 => each(bytes, floats, |of| f32::from(i16::from_be_bytes(of))),
            Self::I32 => each(bytes, floats, |of| i32::from_be_bytes(of) as f32),
            Self::F32 => each(bytes, floats, f32::from_be_bytes),
            Self::F64 => each(bytes, floats, |of| f64::from_be_bytes(of) as f32),
        }
    }
}

/// Appends what `number` makes of every `N` bytes.
fn each<const N: usize>(bytes: &[u8], floats: &mut Vec<f32>, number: impl Fn([u8; N]) -> f32) {
    let (whole, _) = bytes.as_chunks();
    floats.extend(whole.iter().map(|&of| number(of)));
}
