//! The kinds of numbers that an array can have, and how they become pixels.

use half::{bf16, f16};

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Unsigned,
    Signed,
    /// IEEE 754: of 16, 32 or 64 bits.
    Float,
    /// The upper half of an f32.
    Brain,
}

/// A kind of number, with its size and the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    kind: Kind,
    /// Bytes of a number: 1, 2, 4 or 8.
    size: usize,
    /// Whether the most significant byte comes first.
    is_big: bool,
}

impl Element {
    /// Of NumPy's short description, such as `<f4` or `|u1`; none where it is no number that is read.
    pub(super) fn of_numpy(descr: &str) -> Option<Self> {
        let mut chars = descr.chars();
        let is_big = match chars.next()? {
            '<' | '|' => false,
            '>' => true,
            '=' => cfg!(target_endian = "big"),
            _ => return None,
        };
        let (kind, size) = match chars.as_str() {
            "b1" | "?" => (Kind::Bool, 1),
            "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "f2" => (Kind::Float, 2),
            "f4" => (Kind::Float, 4),
            "f8" => (Kind::Float, 8),
            _ => return None,
        };
        Some(Self { kind, size, is_big })
    }

    /// Of a tensor in safetensors, whose numbers are little-endian.
    pub(super) fn of_safetensors(dtype: safetensors::Dtype) -> Option<Self> {
        use safetensors::Dtype;
        let (kind, size) = match dtype {
            Dtype::BOOL => (Kind::Bool, 1),
            Dtype::U8 => (Kind::Unsigned, 1),
            Dtype::U16 => (Kind::Unsigned, 2),
            Dtype::U32 => (Kind::Unsigned, 4),
            Dtype::U64 => (Kind::Unsigned, 8),
            Dtype::I8 => (Kind::Signed, 1),
            Dtype::I16 => (Kind::Signed, 2),
            Dtype::I32 => (Kind::Signed, 4),
            Dtype::I64 => (Kind::Signed, 8),
            Dtype::F16 => (Kind::Float, 2),
            Dtype::BF16 => (Kind::Brain, 2),
            Dtype::F32 => (Kind::Float, 4),
            Dtype::F64 => (Kind::Float, 8),
            _ => return None,
        };
        Some(Self {
            kind,
            size,
            is_big: false,
        })
    }

    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Whether images of it are grey bytes, 0 black and 255 white, and no numbers.
    pub(super) fn is_byte(self) -> bool {
        matches!((self.kind, self.size), (Kind::Unsigned | Kind::Bool, 1))
    }

    /// Whether its bytes are those of the pixels that it becomes: a grey byte, or an f32 of this machine.
    pub(super) fn is_in_memory_as_it_is(self) -> bool {
        match (self.kind, self.size) {
            (Kind::Unsigned, 1) => true,
            (Kind::Float, 4) => self.is_big == cfg!(target_endian = "big"),
            _ => false,
        }
    }

    /// Appends whole numbers as grey bytes; what is true becomes 255.
    pub(super) fn append_bytes(self, numbers: &[u8], bytes: &mut Vec<u8>) {
        match self.kind {
            Kind::Bool => bytes.extend(numbers.iter().map(|&byte| 255 * u8::from(byte != 0))),
            _ => bytes.extend_from_slice(numbers),
        }
    }

    /// Appends whole numbers as the nearest f32; what is beyond f32 becomes infinite.
    pub(super) fn append_floats(self, numbers: &[u8], floats: &mut Vec<f32>) {
        let big = self.is_big;
        match (self.kind, self.size) {
            (Kind::Bool, _) => floats.extend(numbers.iter().map(|&byte| f32::from(byte != 0))),
            (Kind::Unsigned, 1) => floats.extend(numbers.iter().map(|&byte| f32::from(byte))),
            (Kind::Unsigned, 2) => {
                each(numbers, big, floats, |of| f32::from(u16::from_le_bytes(of)))
            }
            (Kind::Unsigned, 4) => each(numbers, big, floats, |of| u32::from_le_bytes(of) as f32),
            (Kind::Unsigned, _) => each(numbers, big, floats, |of| u64::from_le_bytes(of) as f32),
            (Kind::Signed, 1) => each(numbers, big, floats, |of| f32::from(i8::from_le_bytes(of))),
            (Kind::Signed, 2) => each(numbers, big, floats, |of| f32::from(i16::from_le_bytes(of))),
            (Kind::Signed, 4) => each(numbers, big, floats, |of| i32::from_le_bytes(of) as f32),
            (Kind::Signed, _) => each(numbers, big, floats, |of| i64::from_le_bytes(of) as f32),
            (Kind::Float, 2) => each(numbers, big, floats, |of| f16::from_le_bytes(of).to_f32()),
            (Kind::Float, 4) => each(numbers, big, floats, f32::from_le_bytes),
            (Kind::Float, _) => each(numbers, big, floats, |of| f64::from_le_bytes(of) as f32),
            (Kind::Brain, _) => each(numbers, big, floats, |of| bf16::from_le_bytes(of).to_f32()),
        }
    }

    /// One number as text, for a message: an f64 that no f32 can hold is shown as it is.
    pub(super) fn text(self, number: &[u8]) -> String {
        if let (Kind::Float, Ok(mut bytes)) = (self.kind, <[u8; 8]>::try_from(number)) {
            if self.is_big {
                bytes.reverse();
            }
            return format!("{:?}", f64::from_le_bytes(bytes));
        }
        let mut float = Vec::new();
        self.append_floats(number, &mut float);
        float
            .first()
            .map_or_else(String::new, |float| format!("{float:?}"))
    }
}

/// Appends what `number` makes of every `N` bytes, the least significant first.
fn each<const N: usize>(
    bytes: &[u8],
    is_big: bool,
    floats: &mut Vec<f32>,
    number: impl Fn([u8; N]) -> f32,
) {
    let (whole, _) = bytes.as_chunks::<N>();
    match is_big {
        false => floats.extend(whole.iter().map(|&of| number(of))),
        true => floats.extend(whole.iter().map(|&(mut of)| {
            of.reverse();
            number(of)
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(descr: &str, bytes: &[u8]) -> Vec<f32> {
        let mut floats = Vec::new();
        let element = Element::of_numpy(descr).unwrap();
        assert_eq!(bytes.len() % element.size(), 0);
        element.append_floats(bytes, &mut floats);
        floats
    }

    #[test]
    fn numbers_of_every_kind_are_the_nearest_f32_in_either_order_of_bytes() {
        assert_eq!(floats("|b1", &[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(floats("|u1", &[0, 255]), [0.0, 255.0]);
        assert_eq!(floats("|i1", &[0x80, 1]), [-128.0, 1.0]);
        for (little, big, value) in [
            ("<u2", ">u2", &60_000_u16.to_le_bytes()[..]),
            ("<i2", ">i2", &(-300_i16).to_le_bytes()),
            ("<u4", ">u4", &4_000_000_000_u32.to_le_bytes()),
            ("<i4", ">i4", &(-70_000_i32).to_le_bytes()),
            ("<u8", ">u8", &(1_u64 << 40).to_le_bytes()),
            ("<i8", ">i8", &(-(1_i64 << 40)).to_le_bytes()),
            ("<f4", ">f4", &1.5e-3_f32.to_le_bytes()),
            ("<f8", ">f8", &(-2.25_f64).to_le_bytes()),
            ("<f2", ">f2", &0x3555_u16.to_le_bytes()),
        ]
        .map(|(little, big, bytes)| (little, big, bytes.to_vec()))
        {
            let reversed: Vec<u8> = value.iter().rev().copied().collect();
            assert_eq!(floats(little, &value), floats(big, &reversed), "{little}");
        }
        assert_eq!(floats("<u2", &60_000_u16.to_le_bytes()), [60_000.0]);
        assert_eq!(
            floats("<i8", &(-(1_i64 << 40)).to_le_bytes()),
            [-(2.0_f32.powi(40))]
        );
        assert_eq!(floats("<f8", &1e300_f64.to_le_bytes()), [f32::INFINITY]);
        for descr in ["|O", "<c8", "<U5", "<M8[ns]", "<f16", "|V8", "f4", ""] {
            assert_eq!(Element::of_numpy(descr), None, "{descr}");
        }
    }
}
