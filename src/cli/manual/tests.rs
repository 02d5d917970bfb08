//! The pages as a whole. What `man` and `mandoc` make of them is seen by `make test-manual`.

use super::*;

fn page(file: &str) -> String {
    pages().into_iter().find(|page| page.file == file).unwrap_or_else(|| panic!("{file}")).roff
}

/// The titles of its sections.
fn sections(roff: &str) -> Vec<&str> {
    roff.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|title| title.trim_matches('"')).collect()
}

#[test]
fn every_command_that_help_shows_has_a_page() {
    let files: Vec<String> = pages().into_iter().map(|page| page.file).collect();
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let ctl = program.find_subcommand("ctl").unwrap();
    for command in ctl.get_subcommands() {
        let file = format!("usersyncd-ctl-{}.8", command.get_name());
        assert!(files.contains(&file), "{file}");
    }
    for file in
        ["usersyncd.8", "usersyncd-ctl-directory-members.8", "usersyncd.yaml.5", "usersyncd-connector.5"]
    {
        assert!(files.iter().any(|known| known == file), "{file}");
    }
    assert!(!files.iter().any(|file| file.contains("generate")), "{files:?}");
}

#[test]
fn a_page_is_found_by_its_name_and_leads_on() {
    let pages = pages();
    let files: Vec<&str> = pages.iter().map(|page| page.file.as_str()).collect();
    for page in &pages {
        let (name, section) = page.file.rsplit_once('.').unwrap();
        let roff = &page.roff;
        assert!(roff.contains(&format!(".TH {} {section} \"\"", name.to_uppercase())), "{}", page.file);
        let index = roff.split_once(".SH NAME\n").unwrap().1.lines().next().unwrap();
        assert!(index.starts_with(&format!("{} \\- ", name.replace('-', "\\-"))), "{index}");
        assert!(!index.contains('`') && !index.ends_with('.'), "{index}");
        // No line is left that `man` would show otherwise than it is written.
        assert!(roff.is_ascii() && !roff.contains('`'), "{}", page.file);
        let also = roff.split_once(".SH \"SEE ALSO\"\n").unwrap().1.replace("\\-", "-");
        for other in also.split(", ") {
            let plain =
                other.trim().replace("\\fB", "").replace("\\fR", "").replace(')', "").replace('(', ".");
            if plain.starts_with("usersyncd") {
                assert!(files.contains(&plain.as_str()), "{}: {plain}", page.file);
                assert_ne!(plain, page.file);
            }
        }
    }
}

#[test]
fn a_command_has_its_sections() {
    let sync = page("usersyncd-ctl-sync.8");
    assert_eq!(
        sections(&sync),
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"]
    );
    let synopsis = sync.split_once(".SH SYNOPSIS\n").unwrap().1.lines().next().unwrap();
    assert_eq!(
        synopsis,
        "\\fBusersyncd ctl sync\\fR [\\fB\\-\\-user\\fR \\fILOGIN\\fR] [\\fB\\-\\-restore\\fR] [\\fB\\-\\-incremental\\fR] \
         [\\fB\\-\\-wait\\fR] [\\fB\\-\\-socket\\fR \\fIPATH\\fR] [\\fB\\-\\-json\\fR] \\fINAME\\fR|\\fB\\-\\-all\\fR"
    );
    let examples = sync.split_once(".SH EXAMPLES\n").unwrap().1.split_once(".SH").unwrap().0;
    assert!(examples.starts_with(".RS 4\n.nf\n\\fBusersyncd ctl sync acme \\-\\-wait\\fR"), "{examples}");
    assert!(sync.contains(".TP\n\\fB5\\fR\nSomething is held"), "{sync}");
    let ctl = page("usersyncd-ctl.8");
    assert!(sections(&ctl).contains(&"COMMANDS"));
    assert!(
        ctl.contains("\\fBusersyncd\\-ctl\\-directory\\fR(8)\nLook into the built\\-in directory."),
        "{ctl}"
    );
}

#[test]
fn the_program_says_what_to_do() {
    let program = page("usersyncd.8");
    assert_eq!(
        sections(&program),
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "COMMANDS",
            "A FIRST SYNC",
            "WHEN SOMETHING IS HELD",
            "EXIT STATUS",
            "ENVIRONMENT",
            "FILES",
            "SIGNALS",
            "SEE ALSO",
        ]
    );
    for exit in crate::cli::Exit::ALL {
        assert!(program.contains(&format!(".TP\n\\fB{}\\fR\n", exit.code())), "{exit:?}");
    }
}

#[test]
fn files_have_every_key() {
    for (file, entries) in [
        ("usersyncd.yaml.5", crate::config::reference::settings()),
        ("usersyncd-connector.5", crate::config::reference::connector()),
    ] {
        let roff = page(file);
        for entry in entries {
            let heading = if entry.path.contains('.') {
                format!("\n.TP\n\\fB{}\\fR\n", entry.path.replace('-', "\\-"))
            } else {
                format!("\n.SS {}\n", entry.path)
            };
            assert_eq!(roff.matches(&heading).count(), 1, "{file}: {}", entry.path);
        }
        assert!(roff.contains("\n.TP\n\\fBcredential\\fR\n"), "{file}");
    }
}
