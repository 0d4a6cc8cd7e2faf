//! What the markers of a JPEG file say that its decoder does not: whether the file is whole, and how much memory it
//! takes to decode.

use super::Flaw;

/// Whether a file is progressive or has several scans, so that all of its coefficients are held until its end.
///
/// Decoders fill what is missing of a file that is cut short with grey; here it is an error.
///
/// # Errors
/// [`Flaw::CutShort`] where the file ends before the marker of its end.
pub(super) fn holds_coefficients(bytes: &[u8]) -> Result<bool, Flaw> {
    let mut progressive = false;
    let mut scans = 0;
    // Behind the marker of the beginning.
    let mut rest = bytes.get(2..).ok_or(Flaw::CutShort)?;
    loop {
        // Entropy-coded data has 0xFF followed by 0 where it means 0xFF, and restart markers; both are passed over
        // as anything else is up to the next marker.
        let at = rest.iter().position(|&byte| byte == 0xff);
        rest = at.and_then(|at| rest.get(at + 1..)).ok_or(Flaw::CutShort)?;
        let &marker = rest.first().ok_or(Flaw::CutShort)?;
        match marker {
            0xd9 => return Ok(progressive || scans > 1),
            // A stuffed 0xFF, one that fills, and markers without a segment.
            0x00 | 0x01 | 0xff | 0xd0..=0xd8 => {}
            _ => {
                progressive |= matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                scans += usize::from(marker == 0xda);
                let length = rest.get(1..3).ok_or(Flaw::CutShort)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                rest = rest.get(1 + length..).ok_or(Flaw::CutShort)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_marker_and_none_within_a_segment() {
        // A segment of a thumbnail with an end of its own, a scan with a stuffed byte and a restart, the end.
        let whole = [
            &b"\xff\xd8\xff\xe1\x00\x04\xff\xd9"[..],
            b"\xff\xc2\x00\x03\x08\xff\xda\x00\x02\x12\xff\x00\x34\xff\xd0\x56\xff\xff\xd9\x00",
        ]
        .concat();
        assert!(holds_coefficients(&whole).unwrap());
        for len in 0..whole.len() - 1 {
            assert!(
                matches!(holds_coefficients(&whole[..len]), Err(Flaw::CutShort)),
                "{len}"
            );
        }
        assert!(!holds_coefficients(b"\xff\xd8\xff\xc0\x00\x02\xff\xd9").unwrap());
    }
}
