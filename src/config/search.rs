//! What Okta is asked to choose: search expressions and applications. A search is not parsed here, Okta does that; only
//! what is certain to be wrong, and hard to see, is refused.

use url::Url;
use url::form_urlencoded::byte_serialize;

use super::mask::quoted;
use super::text::Complaint;

/// The longest search, in bytes of the URL that Okta gets it in. It leaves room for the ids of those who are asked for again
/// (RULES 17) in a URL of 8 KiB, which is what web servers take by default.
const LONGEST_SEARCH: usize = 6_000;

/// Ids of applications, for editors.
pub(super) const APP_PATTERN: &str = "^0oa[0-9A-Za-z]{17}$";

/// A search expression (Okta developer documentation, "List all users", parameter `search`) on one line, without the white
/// space around it. `example` is one for the same key.
pub(super) fn search(text: &str, example: &str) -> Result<String, Complaint> {
    let as_in = format!("Write it as in '{example}'.");
    if text.trim().is_empty() {
        return Err(Complaint::new("An empty search finds nothing.")
            .advise("Remove the key to read everything, or write a search."));
    }
    if let Some(name) = ["search=", "filter=", "q="].into_iter().find(|name| text.trim().starts_with(name)) {
        return Err(Complaint::new(format!("A search is written without `{name}`."))
            .advise(as_in)
            .at(text.find(name).unwrap_or_default(), name.len()));
    }
    for encoded in ["%22", "%20", "+eq+"] {
        if let Some(at) = text.find(encoded) {
            return Err(Complaint::new(format!(
                "`{encoded}` belongs into a URL: a search is written as it reads."
            ))
            .advise(as_in)
            .at(at, encoded.len()));
        }
    }
    balanced(text, &as_in)?;
    let line = text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned();
    let length: usize = byte_serialize(line.as_bytes()).map(str::len).sum();
    if length > LONGEST_SEARCH {
        return Err(Complaint::new(format!(
            "The search is too long: {length} bytes as a part of a URL, where {LONGEST_SEARCH} are the most."
        ))
        .advise(
            "Search for something that they have in common, or choose among them with `scope` and `groups`.",
        ));
    }
    Ok(line)
}

/// Refuses quotes and parentheses that do not come in pairs, each at its place.
fn balanced(text: &str, as_in: &str) -> Result<(), Complaint> {
    let mut open = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let complaint = |message: &str| {
            Err(Complaint::new(message.to_owned()).advise(as_in).at(at, character.len_utf8()))
        };
        match character {
            '"' => loop {
                match characters.next() {
                    Some((_, '"')) => break,
                    Some((_, '\\')) => drop(characters.next()),
                    Some((_, '\n' | '\r')) => {
                        return complaint("The text that begins here goes on in the next line.");
                    }
                    Some(_) => {}
                    None => return complaint("The quote that begins here is never closed."),
                }
            },
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2018}'
            | '\u{2019}' => {
                return complaint(
                    "This is a typographic quote, as word processors make them: Okta wants `\"`.",
                );
            }
            '\'' | '`' => return complaint("Okta wants texts in double quotes."),
            '(' => open.push(at),
            ')' if open.pop().is_none() => {
                return complaint("This parenthesis closes none that is open.");
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(at) => {
            Err(Complaint::new("The parenthesis that begins here is never closed.").advise(as_in).at(at, 1))
        }
        None => Ok(()),
    }
}

/// The id of an Okta application.
pub(super) fn app(text: &str) -> Result<(), Complaint> {
    const LENGTH: usize = 20;
    let is_id = |text: &str| {
        text.len() == LENGTH
            && text.starts_with("0oa")
            && text.chars().all(|character| character.is_ascii_alphanumeric())
    };
    if is_id(text) {
        return Ok(());
    }
    if Url::parse(text).is_ok() || text.contains('/') {
        let complaint = Complaint::new("This is an address, not the id of an Okta application.");
        return Err(match text.split(['/', '?', '#', '=']).find(|part| is_id(part)) {
            Some(id) => complaint.advise(format!("Write `{id}`.")),
            None => complaint.advise("Write the part of it that begins with `0oa`."),
        });
    }
    if text.starts_with("0oa") {
        return Err(Complaint::new(format!(
            "{} is not the id of an Okta application: it has {} characters, not {LENGTH}.",
            quoted(text),
            text.chars().count()
        ))
        .advise("Copy the whole id, which has no blanks, from the address of the application's page in Okta's Admin Console."));
    }
    Err(Complaint::new(format!("{} is not the id of an Okta application.", quoted(text))).advise(
        "Write the id, which begins with `0oa`: it stands in the address of the application's page in Okta's Admin Console.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "status pr";

    fn refused(text: &str) -> (String, Option<std::ops::Range<usize>>) {
        let complaint = search(text, EXAMPLE).unwrap_err();
        assert!(complaint.advice.is_some(), "{complaint:?}");
        (complaint.message, complaint.at)
    }

    #[test]
    fn searches_are_taken_as_they_are() {
        for text in [
            r#"profile.department eq "Engineering""#,
            r#"(a eq "b" or c sw "d)") and (e pr)"#,
            r#"profile.title eq "the \"boss\"""#,
            r#"profile.title eq "O’Neill “Boss” 'x' C:\\""#,
            r#"created gt "2026-01-01T00:00:00.000Z""#,
            r#"profile.title eq "100%""#,
        ] {
            assert_eq!(search(text, EXAMPLE), Ok(text.to_owned()));
        }
        assert_eq!(search(" a pr\n  and b pr\n", EXAMPLE), Ok("a pr and b pr".to_owned()));
    }

    #[test]
    fn what_is_certain_to_be_wrong_is_refused_where_it_stands() {
        for (text, message, at) in [
            (r#"a eq "b"#, "The quote that begins here is never closed.", 5..6),
            (r#"a eq "b\""#, "The quote that begins here is never closed.", 5..6),
            (r#"a eq "b" or c eq "d"#, "The quote that begins here is never closed.", 17..18),
            ("a eq \"b\nc\"", "The text that begins here goes on in the next line.", 5..6),
            ("a eq “b”", "This is a typographic quote, as word processors make them: Okta wants `\"`.", 5..8),
            ("a eq 'b'", "Okta wants texts in double quotes.", 5..6),
            (r#"(a eq "b""#, "The parenthesis that begins here is never closed.", 0..1),
            (r#"(a eq "b)" and (c pr)"#, "The parenthesis that begins here is never closed.", 0..1),
            (r#"a eq "b")"#, "This parenthesis closes none that is open.", 8..9),
            ("search=a", "A search is written without `search=`.", 0..7),
            ("a eq %22b%22", "`%22` belongs into a URL: a search is written as it reads.", 5..8),
        ] {
            assert_eq!(refused(text), (message.to_owned(), Some(at)), "{text}");
        }
        for text in ["", " ", "\n"] {
            assert_eq!(refused(text), ("An empty search finds nothing.".to_owned(), None));
        }
    }

    #[test]
    fn a_search_has_room_in_a_url() {
        // A blank takes one byte there, `ü` six.
        let of = |umlauts: usize, letters: usize| format!("{}{}", "ü".repeat(umlauts), "a".repeat(letters));
        assert!(search(&of(999, 6), EXAMPLE).is_ok());
        assert_eq!(
            refused(&of(999, 7)).0,
            "The search is too long: 6001 bytes as a part of a URL, where 6000 are the most."
        );
    }

    #[test]
    fn applications_are_ids() {
        assert_eq!(app("0oa1gjh63g214q0Hq0g4"), Ok(()));
        let advice = |text: &str| app(text).unwrap_err().advice.unwrap();
        assert_eq!(
            advice(
                "https://acme-admin.okta.com/admin/app/jira/instance/0oa1gjh63g214q0Hq0g4/#tab-assignments"
            ),
            "Write `0oa1gjh63g214q0Hq0g4`."
        );
        assert!(advice("https://acme.okta.com/").contains("begins with `0oa`"));
        assert!(app("0oa1gjh63g214q0Hq0g").unwrap_err().message.ends_with("it has 19 characters, not 20."));
        for text in ["Jira", "00u1gjh63g214q0Hq0g4", "", "0oa1gjh63g214q0Hq0g-", "0oa1gjh63g214q0Hq0ü"] {
            assert!(app(text).is_err(), "{text}");
        }
    }
}
