//! Ids as a client sees them: strings that look like UUIDs, and stay the same.

use crate::product::Id;

/// Written so that a request with it can be told from one with an id of another kind.
const MIDDLE: &str = "75c1-4000-8000";

/// The id of a user or a group for clients. Who comes back after a deletion is of a later generation.
pub(super) fn shown(id: Id, generation: u32) -> String {
    format!("{generation:08x}-{MIDDLE}-{id:012x}")
}

/// The id within the world, and the generation; none if no such id was ever given out.
pub(super) fn read(text: &str) -> Option<(Id, u32)> {
    let (generation, rest) = text.split_at_checked(8)?;
    let digits = rest.strip_prefix('-')?.strip_prefix(MIDDLE)?.strip_prefix('-')?;
    let found = (Id::from_str_radix(digits, 16).ok()?, u32::from_str_radix(generation, 16).ok()?);
    // Ids are compared with case: only the very text that was given out is one.
    (shown(found.0, found.1) == text).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_out_is_an_id() {
        for (id, generation) in [(1, 0), (200_000, 3), (0xabc, 0)] {
            assert_eq!(read(&shown(id, generation)), Some((id, generation)));
        }
        for text in ["", "1", "00000000-75C1-4000-8000-000000000001", "ä0000000-75c1-4000-8000-000000000001"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&shown(0xabc, 0).to_uppercase()), None);
    }
}
