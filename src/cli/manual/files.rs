//! The pages of the two files: an introduction, and every key as the checker knows it.

use clap_mangen::roff::{Inline, bold};

use super::ManualPage;
use super::page::Page;
use crate::config::reference::{self, Absent, Entry};

/// The least connector, as the package has it among its examples.
const LEAST: &str = include_str!("../../../config/examples/minimal.yaml");
/// One with more in it.
const FULLER: &str = include_str!("../../../config/examples/offboarding.yaml");
/// Settings that differ from the defaults in what one is likely to change.
const SETTINGS: &str = "\
connectors: /srv/usersyncd/connectors.d
metrics: { listen: 127.0.0.1:9845, page: off }
log: { level: warn, format: json }
notify:
  on: [failed, held, recovered]
  webhook:
    url: { credential: notify-url }
    key: { credential: notify-key }
  command: [/usr/local/bin/tell, \"--who\", ops]
reports: { keep: 30d }
";

/// `usersyncd.yaml(5)`.
pub(super) fn settings() -> ManualPage {
    let mut page = Page::new("usersyncd.yaml", 5, "the settings of usersyncd");
    page.heading("description");
    page.text(
        "The settings of the daemon, in YAML: where connectors, state and socket are, what is logged and measured, and who is told what \
         became of runs. The daemon reads /etc/usersyncd/usersyncd.yaml, or the file that `--config` names. Every key has a default, and \
         the file may be empty or missing. What is synced stands in connectors: see `usersyncd-connector`(5).",
    );
    page.text(
        "A change of the log level, of the page and of `notify` is in force at once; `usersyncd ctl reload` names the keys that need a \
         restart. Unknown keys and wrong values are refused, all of them at once, by `usersyncd check`, and by the daemon with exit \
         status 78.",
    );
    keys(&mut page, &reference::settings());
    secrets(&mut page);
    page.heading("examples");
    page.text("The least, which is all defaults: an empty file. One that changes some of them:");
    page.file(SETTINGS);
    page.heading("files");
    page.item(vec![bold("/etc/usersyncd/usersyncd.yaml")], "This file.");
    page.see_also(&["usersyncd(8)", "usersyncd-check(8)", "usersyncd-connector(5)"].map(str::to_owned));
    ManualPage { file: "usersyncd.yaml.5".to_owned(), roff: page.finish() }
}

/// `usersyncd-connector(5)`.
pub(super) fn connector() -> ManualPage {
    let mut page =
        Page::new("usersyncd-connector", 5, "a connector of usersyncd: a source, a target, and rules");
    page.heading("description");
    page.text(
        "One file NAME.yaml in the directory of connectors, /etc/usersyncd/connectors.d, is one connector: a source, a target, and the \
         rules between them. NAME has up to 64 letters, digits, dots, underscores and dashes. Only `source` must be there. A changed \
         file is in force within two seconds; a broken one is reported, and its last good version goes on.",
    );
    page.text("`usersyncd check` shows all mistakes of a file with line and column, `usersyncd ctl show` NAME the file with every default filled in.");
    page.subheading("Users");
    page.text(
        "A user is in scope if every rule lets it in, asked in this order: `source.okta.users.search` and `source.okta.app` (by Okta), \
         `scope.statuses`, `scope.users.include` and `exclude`, `scope.required_groups`, `inactive`. Then `mapping` makes the username \
         and the rest, `protected.users` leaves names alone, and `existing.users` decides about accounts that are there already. A \
         managed user who leaves the scope by any of these rules is a leaver, exactly like one who was deactivated.",
    );
    page.subheading("Groups");
    page.text(
        "A group goes through `source.okta.groups.search` and `source.okta.app`, `groups.rename` (the first rule that matches), \
         `groups.unmatched`, `exclude`, `include`, `protected.groups` and `groups.always`. Every rule behind `rename`, and \
         `scope.required_groups`, sees the new name.",
    );
    page.subheading("Values");
    page.text(
        "A pattern matches a whole name and ignores case: `*` is any text, `?` one character, `[ab]` a choice, `{a,b}` alternatives. In \
         YAML, one that begins with `*`, `{` or `[` needs quotes. A duration is a whole number with a unit, or several with the larger \
         first: `90s`, `5m`, `1h30m`, `7d`. A template is Jinja over the Okta user, as in `{{ profile.login | lower }}`.",
    );
    keys(&mut page, &reference::connector());
    secrets(&mut page);
    page.heading("examples");
    page.text("The least: into the built-in directory, on demand.");
    page.file(LEAST);
    page.text("With a schedule, and rules for those who leave:");
    page.file(FULLER);
    page.heading("files");
    page.item(vec![bold("/etc/usersyncd/connectors.d/*.yaml")], "The connectors.");
    page.see_also(
        &["usersyncd(8)", "usersyncd-check(8)", "usersyncd-schema(8)", "usersyncd.yaml(5)"]
            .map(str::to_owned),
    );
    ManualPage { file: "usersyncd-connector.5".to_owned(), roff: page.finish() }
}

/// Every key under the first part of its path.
fn keys(page: &mut Page, entries: &[Entry]) {
    page.heading("keys");
    page.text(
        "Keys are named by their whole path: `a.b` is the key `b` in the mapping `a`, and `a[].b` the key `b` in each item of the list `a`.",
    );
    for entry in entries {
        if entry.path.contains('.') {
            push(page, vec![bold(&entry.path)], entry);
        } else {
            page.subheading(&entry.path);
            page.text(&described(entry));
        }
    }
}

fn push(page: &mut Page, term: Vec<Inline>, entry: &Entry) {
    page.item(term, &entry.about);
    page.more(&held(entry));
}

/// What an entry says in one paragraph.
fn described(entry: &Entry) -> String {
    format!("{} {}", entry.about, held(entry))
}

/// What may stand there, and what counts without it.
fn held(entry: &Entry) -> String {
    let secret = if entry.value == reference::PLACE_OF_A_SECRET { ", see SECRETS" } else { "" };
    let value = format!("{}{secret}", entry.value);
    match &entry.absent {
        Absent::Refused => format!("Required. Value: {value}."),
        Absent::Default(default) => format!("Value: {value}. Default: `{default}`."),
        Absent::Nothing => format!("Value: {value}."),
    }
}

fn secrets(page: &mut Page) {
    page.heading("secrets");
    page.text(
        "A secret never stands in the file, but where it is kept: a mapping with exactly one of these keys, as in `{ credential: \
         okta-token }`.",
    );
    for entry in reference::secret() {
        push(page, vec![bold(&entry.path)], &entry);
    }
    page.text(
        "systemd reads credentials with `LoadCredential=NAME:/path` in a drop-in of the unit, which `systemctl edit usersyncd` opens; a \
         changed one needs a restart of the service.",
    );
}
