//! The account that the daemon signs in with, which is never touched (RULES 7).

use crate::sync::rules::{Globs, Protected};

/// The same with this account's name beside the names of users.
pub(super) fn and_account(protected: Protected, name: &str) -> Protected {
    // A name that was escaped is a good glob.
    let own = Globs::new(&[literally(name)]).unwrap_or_default();
    Protected { users: protected.users.and(&own), ..protected }
}

/// The glob that matches this name and nothing else.
fn literally(name: &str) -> String {
    let mut glob = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '?' | '*' | '[' | ']' | '{' | '}' => glob.extend(['[', letter, ']']),
            '\\' => glob.push_str("\\\\"),
            other => glob.push(other),
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_itself_in_any_case_and_nothing_else() {
        for name in ["usersyncd", "a*b", "a?[x]{y}!", "EXAMPLE\\sync", "a,b"] {
            let protected = and_account(Protected::default(), name);
            assert!(protected.users.matches(name), "{name}");
            assert!(protected.users.matches(&name.to_uppercase()), "{name}");
        }
        let protected = and_account(Protected::default(), "a*b");
        assert!(!protected.users.matches("axb"));
    }
}
