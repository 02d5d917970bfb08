//! Nothing that stands in a file makes the daemon panic, show a secret, or point outside the file.

use proptest::prelude::*;

use super::*;

const FULL: &str = include_str!("../../../config/examples/full.yaml");

/// Checks `contents` and what must hold of any result.
fn sound(house: &House, contents: &[u8]) -> Result<(), TestCaseError> {
    let checked = house.check(contents);
    let text = String::from_utf8_lossy(contents).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    prop_assert_eq!(checked.value.is_none(), checked.diagnostics.iter().any(Diagnostic::is_error));
    for diagnostic in &checked.diagnostics {
        prop_assert!(diagnostic.message.ends_with('.'), "{}", diagnostic);
        let printable =
            |text: &str| !text.chars().any(|character| character.is_control() && character != '\n');
        prop_assert!(printable(&diagnostic.render(false)), "{:?}", diagnostic);
        if diagnostic.line == 0 {
            prop_assert_eq!(diagnostic.column, 0);
            continue;
        }
        prop_assert!(diagnostic.line <= lines.len(), "{}", diagnostic);
        let width = lines[diagnostic.line - 1].chars().count();
        prop_assert!((1..=width + 1).contains(&diagnostic.column), "{}", diagnostic);
        prop_assert!(!diagnostic.render(false).contains("MlV"), "{}", diagnostic);
    }
    if let Some(connector) = checked.value {
        let written = crate::config::effective_yaml(&connector);
        prop_assert!(house.check(&written).value.is_some(), "{}", written);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn arbitrary_bytes_are_judged(contents in proptest::collection::vec(any::<u8>(), 0..200)) {
        sound(&House::new(), &contents)?;
    }

    #[test]
    fn arbitrary_text_of_yaml_characters_is_judged(contents in "[a-c:,&*!|>'\"%@`#{}\\[\\]?~ \n\t\r\u{feff}\u{85}\u{2028}-]{0,80}") {
        sound(&House::new(), contents.as_bytes())?;
    }

    #[test]
    fn a_mutation_of_a_valid_file_is_judged(
        at in 0..FULL.len(),
        length in 0..40_usize,
        piece in prop_oneof![
            Just(String::new()),
            Just(format!(" {TOKEN} ")),
            Just("\n".to_owned()),
            "[a-c:,&*!|>'\"%@`#{}\\[\\]?~ \n\t-]{0,6}",
            any::<String>(),
        ],
    ) {
        let mut contents = FULL.as_bytes().to_vec();
        contents.splice(at..(at + length).min(FULL.len()), piece.into_bytes());
        sound(&House::new(), &contents)?;
    }

    #[test]
    fn patterns_survive_being_written_out(patterns in proptest::collection::vec("\\PC{1,12}", 0..4)) {
        let list = serde_json::to_string(&patterns).unwrap();
        let house = House::new();
        let checked = house.check(with(&format!("groups: {{ include: {list} }}")));
        if let Some(connector) = checked.value {
            let again = house.check(crate::config::effective_yaml(&connector)).value;
            prop_assert_eq!(again.map(|connector| connector.rules), Some(connector.rules));
        }
    }
}
