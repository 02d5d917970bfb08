//! Passwords for accounts that nobody signs in to with a password.

use super::WriteError;

/// Letters, digits and marks, four kinds of them, so that the usual rules are met.
const KINDS: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"-_.!*"];

/// A password of 40 characters that is sent once and kept nowhere.
pub(super) fn random_password() -> Result<String, WriteError> {
    let mut bytes = [0_u8; 40];
    getrandom::fill(&mut bytes).map_err(|error| {
        WriteError::fatal(format!("this host gives no random numbers for new passwords: {error}"))
    })?;
    let letter = |(position, byte): (usize, &u8)| {
        let kind = KINDS.get(position % KINDS.len()).copied().unwrap_or(b"x");
        char::from(kind.get(usize::from(*byte) % kind.len()).copied().unwrap_or(b'x'))
    };
    Ok(bytes.iter().enumerate().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same_and_each_has_every_kind() {
        let (one, other) = (random_password().unwrap(), random_password().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 40);
        assert!(one.contains(char::is_uppercase) && one.contains(char::is_lowercase));
        assert!(one.contains(char::is_numeric) && one.contains(|letter: char| !letter.is_alphanumeric()));
    }
}
