//! What the documents show can be pasted: connector files are good, and commands exist.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sandbox::okta::{KeyKind, KeyPair};

use super::{ended, usersyncd};

/// For blocks that show a part of a file.
const SOURCE: &str =
    "source: { okta: { domain: acme.okta.com, auth: { api_token: { credential: okta-token } } } }\n";

/// README.md and all of docs/.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md")];
    documents.extend(fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    documents
}

/// How a block begins that is no connector file.
const SETTINGS: &str = "# usersyncd.yaml\n";

/// The blocks of YAML of a document, each with the number of its first line, without indentation.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let indent = line.len() - line.trim_start().len();
        match (&mut open, line.trim()) {
            (None, "```yaml") => open = Some((number + 1, indent, String::new())),
            (Some(_), "```") => blocks.extend(open.take().map(|(first, _, block)| (first, block))),
            (Some((_, indent, block)), _) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end");
    blocks
}

#[test]
fn every_connector_file_that_is_shown_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let key = KeyPair::generate(KeyKind::P256).private_pem();
    for (name, contents) in
        [("okta-token", "not-a-real-secret\n"), ("crowd-password", "not-a-real-secret\n"), ("okta-key", &key)]
    {
        let secret = directory.path().join(name);
        fs::write(&secret, contents).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut shown = Vec::new();
    for document in documents() {
        let stem = document.file_stem().unwrap().to_str().unwrap().to_owned();
        for (line, block) in blocks(&fs::read_to_string(&document).unwrap()) {
            if block.starts_with(SETTINGS) {
                continue;
            }
            let whole = block.lines().any(|line| line.starts_with("source:"));
            let contents = if whole { block } else { format!("{SOURCE}{block}") };
            let contents = contents.replace("your-org.okta.com", "acme.okta.com");
            let name = format!("{stem}.md-line-{line}");
            fs::write(directory.path().join(format!("{name}.yaml")), contents).unwrap();
            shown.push(name);
        }
    }
    let recipes = shown.iter().filter(|name| name.starts_with("cookbook.md")).count();
    assert!(recipes >= 11 && shown.iter().any(|name| name.starts_with("connector.md")), "{shown:?}");
    let files = shown.iter().map(|name| directory.path().join(format!("{name}.yaml")));
    let told = ended(usersyncd().arg("check").args(files).env("CREDENTIALS_DIRECTORY", directory.path()));
    assert_eq!(told.code, 0, "{}", told.messages);
    for name in &shown {
        assert!(told.data.contains(&format!("{name}: ok")), "{name} in:\n{}", told.data);
    }
}

#[test]
fn every_usersyncd_yaml_that_is_shown_is_good() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("connectors.d")).unwrap();
    let path = directory.path().join("usersyncd.yaml");
    let texts = documents().into_iter().map(|document| fs::read_to_string(document).unwrap());
    let shown: Vec<_> = texts.flat_map(|text| blocks(&text)).collect();
    let shown: Vec<_> = shown.into_iter().filter(|(_, block)| block.starts_with(SETTINGS)).collect();
    assert!(!shown.is_empty());
    for (line, block) in shown {
        fs::write(&path, &block).unwrap();
        let told = ended(usersyncd().arg("check").arg("--config").arg(&path));
        assert_eq!(told.code, 0, "line {line}: {}", told.messages);
    }
}

/// The commands to a daemon that a document shows, without what the shell makes of them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with("    ")).map(str::trim);
    let lines = lines.map(|line| line.strip_prefix("sudo ").unwrap_or(line));
    lines
        .filter_map(|line| line.strip_prefix("usersyncd ctl "))
        .map(|line| line.split(['|', '#', '>', ';']).next().unwrap().replace('\'', ""))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[test]
fn every_command_that_is_shown_exists() {
    let nowhere = tempfile::tempdir().unwrap();
    let socket = nowhere.path().join("control.sock");
    let mut seen = 0;
    for document in documents() {
        for command in commands(&fs::read_to_string(&document).unwrap()) {
            let told = ended(usersyncd().arg("ctl").args(&command).env("USERSYNCD_SOCKET", &socket));
            // Understood, and only then is it found that no daemon is there.
            assert_eq!(told.code, 7, "{}: {command:?}: {}", document.display(), told.messages);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn links_within_the_documents_lead_somewhere() {
    let anchor = |heading: &str| {
        let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| kept(*letter))
            .collect::<String>()
            .replace(' ', "-")
    };
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            assert!(target.exists(), "{}: {link}", document.display());
            if place.is_empty() {
                continue;
            }
            let target = fs::read_to_string(target).unwrap();
            let headings = target.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
            assert!(anchors.any(|known| known == place), "{}: {link}", document.display());
        }
    }
}

/// Every file of a directory and those below it.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The numbers that a text cites: "RULES 12, 17", "RULES 8 and 17 to 22".
fn cited(text: &str) -> Vec<usize> {
    let citation = regex::Regex::new(r"RULES (\d+(?:(?:, | and | to )\d+)*)").unwrap();
    let range = regex::Regex::new(r"\d+(?: to \d+)?").unwrap();
    let citations = citation.captures_iter(text).map(|found| found.get(1).unwrap().as_str());
    citations
        .flat_map(|list| range.find_iter(list))
        .flat_map(|found| {
            let mut ends = found.as_str().split(" to ").map(|end| end.parse::<usize>().unwrap());
            let first = ends.next().unwrap();
            first..=ends.next().unwrap_or(first)
        })
        .collect()
}

#[test]
fn every_rule_that_the_code_cites_stands_in_the_rules_and_is_kept_by_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/rules.md")).unwrap();
    let items = text.lines().filter_map(|line| line.split_once(". **")?.0.parse::<usize>().ok());
    let rules: Vec<usize> = items.collect();
    assert_eq!(rules, (1..=rules.len()).collect::<Vec<_>>(), "numbered one after the other");

    let code = ["src", "tests"].map(|folder| files_below(&root.join(folder))).concat();
    let code = code.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut named = std::collections::BTreeSet::new();
    for path in code.filter(|path| !path.ends_with("tests/cli/documents.rs")) {
        for number in cited(&fs::read_to_string(&path).unwrap()) {
            assert!(rules.contains(&number), "{}: RULES {number}", path.display());
            named.insert(number);
        }
    }
    assert_eq!(named.into_iter().collect::<Vec<_>>(), rules, "each is cited where it is kept");
}
