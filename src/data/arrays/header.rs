//! The header of an array in NumPy's format: magic bytes, version, length, and a Python literal with type, order and
//! shape (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::io::{self, Read};

/// The longest literal that is read, in bytes: structured types have long ones, and their arrays are not read.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The type, such as `<f4`; of a structured type its whole description.
    pub(super) descr: String,
    /// Whether the first dimension varies fastest.
    pub(super) is_fortran: bool,
    /// The extents, outermost first.
    pub(super) shape: Vec<usize>,
    /// Bytes of the header, magic included: where the numbers begin.
    pub(super) len: u64,
}

/// Reads a header; the outer error is the system's, the inner says what is wrong.
pub(super) fn read(reader: &mut dyn Read) -> io::Result<Result<Header, String>> {
    let Some([magic @ .., major, _minor]) = exactly::<8>(reader)? else {
        return Ok(Err(
            "it ends within the first 8 bytes, which say what it is".into(),
        ));
    };
    if magic != *b"\x93NUMPY" {
        return Ok(Err("it does not begin as an array of NumPy does".into()));
    }
    let (len, before) = match major {
        1 => (
            exactly::<2>(reader)?.map(|of| u32::from(u16::from_le_bytes(of))),
            10,
        ),
        2 | 3 => (exactly::<4>(reader)?.map(u32::from_le_bytes), 12),
        _ => {
            return Ok(Err(format!(
                "the version {major} of NumPy's format is not known"
            )));
        }
    };
    let len = match len {
        Some(len) if len as usize <= LONGEST => len as usize,
        Some(len) => return Ok(Err(format!("its header claims to have {len} bytes"))),
        None => return Ok(Err("it ends within its header".into())),
    };
    let mut text = Vec::with_capacity(len);
    reader.take(len as u64).read_to_end(&mut text)?;
    if text.len() < len {
        return Ok(Err("it ends within its header".into()));
    }
    // Version 3 is in UTF-8, the others in Latin-1; what matters here is in both ASCII.
    let text = String::from_utf8_lossy(&text);
    let header = Literal(&text).header(before + len as u64);
    Ok(header.ok_or_else(|| "its header is no description of an array".into()))
}

/// So many bytes, or none where there are fewer.
fn exactly<const N: usize>(reader: &mut dyn Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is left of a Python literal.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// The dictionary of a header of this length.
    fn header(mut self, len: u64) -> Option<Header> {
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        self.eat('{')?;
        while self.eat('}').is_none() {
            let key = self.quoted()?;
            self.eat(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => is_fortran = Some(self.truth()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.eat(',').is_none() {
                self.eat('}')?;
                break;
            }
        }
        Some(Header {
            descr: descr?,
            is_fortran: is_fortran?,
            shape: shape?,
            len,
        })
    }

    /// Skips white space and this character, if it comes next.
    fn eat(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(expected)?;
        Some(())
    }

    /// A string without escapes.
    fn quoted(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start();
        let quote = self.0.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.0[1..].split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    /// A type: a string, or a list with the fields of a structure.
    fn descr(&mut self) -> Option<String> {
        if let Some(text) = self.quoted() {
            return Some(text.to_owned());
        }
        let text = self.0;
        let mut depth = 0_usize;
        let mut quote = None;
        for (index, c) in text.char_indices() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        self.0 = &text[index + 1..];
                        return Some(text[..=index].to_owned());
                    }
                }
                (None, _) if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    fn truth(&mut self) -> Option<bool> {
        self.0 = self.0.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Some(value);
            }
        }
        None
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut sizes = Vec::new();
        self.eat('(')?;
        while self.eat(')').is_none() {
            self.0 = self.0.trim_start();
            let end = self
                .0
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(self.0.len());
            sizes.push(self.0[..end].parse().ok()?);
            // Python 2 wrote 3L.
            self.0 = self.0[end..].trim_start_matches('L');
            if self.eat(',').is_none() {
                self.eat(')')?;
                break;
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(major: u8, literal: &str) -> Result<Header, String> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([major, 0]);
        match major {
            1 => bytes.extend((literal.len() as u16).to_le_bytes()),
            _ => bytes.extend((literal.len() as u32).to_le_bytes()),
        }
        bytes.extend(literal.as_bytes());
        read(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn headers_of_every_version_say_type_order_and_shape() {
        for (major, literal, descr, is_fortran, shape) in [
            (
                1,
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
                "<f4",
                false,
                &[2, 3][..],
            ),
            (
                2,
                "{'descr': '|u1', 'fortran_order': True, 'shape': (7,), }\n",
                "|u1",
                true,
                &[7],
            ),
            (
                3,
                "{\"shape\":(),\"fortran_order\":False,\"descr\":\">i8\"}",
                ">i8",
                false,
                &[],
            ),
            (
                1,
                "{'descr': '<i4', 'fortran_order': False, 'shape': (5L, 2L)}",
                "<i4",
                false,
                &[5, 2],
            ),
            (
                1,
                "{'descr': [('a', '<f4'), (']', '|S3', (2,))], 'fortran_order': False, 'shape': (4,), }",
                "[('a', '<f4'), (']', '|S3', (2,))]",
                false,
                &[4],
            ),
        ] {
            let header = of(major, literal).unwrap();
            assert_eq!(header.descr, descr, "{literal}");
            assert_eq!(header.is_fortran, is_fortran, "{literal}");
            assert_eq!(header.shape, shape, "{literal}");
            assert_eq!(
                header.len as usize,
                literal.len() + if major == 1 { 10 } else { 12 }
            );
        }
    }

    #[test]
    fn what_is_no_header_is_said() {
        for literal in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }",
            "{'descr': '<f4', 'shape': (2, 3), }",
            "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3), }",
            "{'descr': [('a', '<f4'), 'fortran_order': False, 'shape': (2, 3), }",
            "{'shape': (99999999999999999999999,), 'descr': '<f4', 'fortran_order': False}",
        ] {
            assert!(of(1, literal).is_err(), "{literal}");
        }
        assert!(of(4, "{}").unwrap_err().contains("version 4"));
        let claims = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes()].concat();
        let error = read(&mut &claims[..]).unwrap().unwrap_err();
        assert!(error.contains("4294967295"), "{error}");
        for len in 0..10 {
            assert!(
                read(&mut &b"\x93NUMPY\x01\x00\x76\x00"[..len])
                    .unwrap()
                    .is_err()
            );
        }
    }
}
