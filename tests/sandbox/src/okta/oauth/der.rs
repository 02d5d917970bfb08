//! As much DER (ITU-T X.690) as keys are written in: elements of a known tag, one after the other.

/// A sequence.
pub(crate) const SEQUENCE: u8 = 0x30;
/// A whole number.
pub(crate) const INTEGER: u8 = 0x02;
/// An object identifier.
pub(crate) const IDENTIFIER: u8 = 0x06;
/// Bits; the first byte of the content says how many of the last byte are unused.
pub(crate) const BITS: u8 = 0x03;
/// Bytes.
pub(crate) const OCTETS: u8 = 0x04;

/// Takes the first element off and returns its content, if it is of this tag.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    (*found == tag).then_some(content)
}

/// Takes a whole number off, without the zero that marks it as positive.
pub(crate) fn take_number<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let digits = take(bytes, INTEGER)?;
    Some(&digits[digits.iter().take_while(|digit| **digit == 0).count()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_one_by_one() {
        let long = [&[OCTETS, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        let bytes = [&[INTEGER, 2, 0, 200, SEQUENCE, 0][..], &long].concat();
        let mut rest = bytes.as_slice();
        assert_eq!(take_number(&mut rest), Some(&[200][..]));
        assert_eq!(take(&mut rest, SEQUENCE), Some(&[][..]));
        assert_eq!(take(&mut rest, OCTETS), Some(&[7; 256][..]));
        assert_eq!(take(&mut rest, OCTETS), None, "nothing is left");
        assert_eq!(take(&mut &[INTEGER, 1, 1][..], OCTETS), None, "another tag");
        assert_eq!(take(&mut &[OCTETS, 3, 1][..], OCTETS), None, "it ends too early");
    }
}
