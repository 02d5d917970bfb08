//! The page of the program as a whole: what somebody reads who has never seen it, or who has it before him at 3 a.m.

use clap::Command;
use clap_mangen::roff::bold;

use super::ManualPage;
use super::command::{list, synopsis};
use super::page::{Line, Page};

/// `usersyncd(8)`.
pub(super) fn page(command: &Command) -> ManualPage {
    let mut page = Page::new(
        "usersyncd",
        8,
        "keep the users and groups of Atlassian products and SCIM services equal to an Okta org",
    );
    page.heading("synopsis");
    page.line(synopsis(command));
    description(&mut page);
    list(&mut page, command, "commands");
    page.text("`usersyncd` COMMAND `--help` says the same as these pages, and `usersyncd completions` prints what a shell needs.");
    first_sync(&mut page);
    ways_out(&mut page);
    page.heading("exit status");
    pairs(&mut page, EXITS);
    page.text(
        "`ctl sync --all` ends with the worst of all runs: 1, then 6, then 5. A connector that is paused or has no good file counts as \
         failed.",
    );
    page.heading("environment");
    pairs(&mut page, ENVIRONMENT);
    page.heading("files");
    pairs(&mut page, FILES);
    page.heading("signals");
    page.text("Those that the daemon heeds:");
    pairs(&mut page, SIGNALS);
    let pages = [
        "usersyncd.yaml(5)",
        "usersyncd-connector(5)",
        "usersyncd-run(8)",
        "usersyncd-check(8)",
        "usersyncd-ctl(8)",
        "systemd.exec(5)",
        "journalctl(1)",
    ];
    page.see_also(&pages.map(str::to_owned));
    ManualPage { file: "usersyncd.8".to_owned(), roff: page.finish() }
}

fn description(page: &mut Page) {
    page.heading("description");
    page.text(
        "usersyncd keeps the users, groups and memberships of a target equal to what an Okta org says: on a cron schedule or on \
         demand, as a daemon. What it does is written in connectors. A connector is a YAML file with a source (an Okta org), a target, \
         and the rules between them; its name is that of its file. The target is the built-in directory, Crowd, Jira, Confluence or \
         Bitbucket Data Center, a directory of Atlassian Cloud, or any SCIM 2.0 service. Files are watched: a changed one is in force \
         within two seconds, and a broken one is reported while its last good version goes on.",
    );
    page.text(
        "A user sync can lock everybody out, so it is careful in these ways. Nothing is removed because a list was cut, empty or \
         unreadable: who is missing from a list is asked for by id first. What exceeds a limit is held as a whole until a person \
         approves it, and the rest is done. What it did not create or adopt itself is never touched. Each operation is in a journal \
         before it is sent, so that a crash loses nothing and a run can be undone. Taking a connector file away changes nothing in a \
         target. Secrets are kept in credentials, files or the environment, never in the YAML.",
    );
    page.text(
        "`usersyncd run` is the daemon, which `systemctl` starts. `usersyncd check` reads the configuration without it. `usersyncd ctl` \
         talks to the running daemon over a socket that root and the members of the group `usersyncd` may use.",
    );
}

fn first_sync(page: &mut Page) {
    page.heading("a first sync");
    page.text(
        "Put the API token of a read-only administrator of the org into /etc/usersyncd/okta-token, readable by root only, and hand it to \
         the service:",
    );
    example(
        page,
        &[
            ("sudo systemctl edit usersyncd", "add the next two lines"),
            ("[Service]", ""),
            ("LoadCredential=okta-token:/etc/usersyncd/okta-token", ""),
        ],
    );
    page.text("Write /etc/usersyncd/connectors.d/acme.yaml:");
    page.file(
        "source:\n  okta:\n    domain: your-org.okta.com\n    auth:\n      api_token: { credential: okta-token }\n",
    );
    page.text("Then restart it, so that it gets the credential, look, and sync:");
    example(
        page,
        &[
            ("sudo systemctl restart usersyncd", ""),
            ("sudo usersyncd ctl status acme", "is it there?"),
            ("sudo usersyncd ctl plan acme", "what would happen?"),
            ("sudo usersyncd ctl sync acme --wait", "do it"),
            ("sudo usersyncd ctl directory users", "look at the result"),
        ],
    );
    page.text(
        "It runs by itself once the file has a `schedule`, and writes to a product once it has a `target`: see `usersyncd-connector`(5).",
    );
}

fn ways_out(page: &mut Page) {
    page.heading("when something is held");
    page.text(
        "A run that would take away more than the `limits` of its connector allow does the rest, holds that, and ends with 5. Nothing is \
         lost while it is held: whoever would go stays, and further runs hold the same under the same number.",
    );
    example(
        page,
        &[
            ("usersyncd ctl holds acme", "how much, why, and its number"),
            ("usersyncd ctl hold 7", "all of it, name by name"),
            ("usersyncd ctl approve 7 --wait", "it is right: do exactly this"),
            ("usersyncd ctl discard 7", "leave it, and be told no more"),
            ("usersyncd ctl plan acme", "it is wrong: correct its cause"),
        ],
    );
    page.text("When a run was wrong:");
    example(
        page,
        &[
            ("usersyncd ctl pause acme", "nothing more by schedule"),
            ("usersyncd ctl history acme", "which run it was"),
            ("usersyncd ctl undo 17", "shows what it would take back, and asks"),
            ("usersyncd ctl plan acme", "correct the cause, until this is right"),
            ("usersyncd ctl resume acme", "go on by schedule"),
        ],
    );
    page.text(
        "Why somebody is in or out, rule by rule: `usersyncd ctl explain acme anna@example.com`. What the daemon says: \
         `journalctl -u usersyncd`.",
    );
}

const EXITS: &[(&str, &str)] = &[
    (
        "0",
        "Done. With `--wait`: everything was applied and every list was read to its end, also if nothing of a kept plan was still true. \
         `undo`: also if there was nothing to undo.",
    ),
    (
        "1",
        "Failed, or ended without applying anything. `check --online`: a source could not be read, or a run would fail. `check --sample`: \
         the user cannot be mapped. `doctor`: something has failed. `explain`: nobody knows the user.",
    ),
    ("2", "The command line is wrong."),
    ("3", "The configuration is invalid (`check`, `reload`)."),
    (
        "4",
        "`plan`: changes are pending. `undo`, `rebind`, `relink`: it was only shown, and nothing was changed.",
    ),
    ("5", "Something is held. `plan`: part of it would be. `holds` only lists, and ends with 0."),
    ("6", "An operation failed, or a list was not read to its end. The rest was applied."),
    ("7", "The daemon is not reachable, or does not start; the message says why."),
    ("8", "Not permitted."),
    (
        "78",
        "The daemon itself: the configuration is invalid, or a newer version wrote the state. systemd does not start it again.",
    ),
    ("130", "Ctrl-C detached from a run that goes on."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "USERSYNCD_SOCKET",
        "The socket that `ctl` and completions use, unless `--socket` names one. Without either it is `control.socket` of \
         /etc/usersyncd/usersyncd.yaml.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Where secrets of the form `{ credential: NAME }` are read. systemd sets it for the service; set it to the directory of the \
         files to run `check` by hand.",
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
        "The proxy for requests to https and to http addresses, and for those that neither of the two names one for; in small letters \
         too. Requests to loopback addresses never go through one.",
    ),
    (
        "NO_PROXY",
        "Hosts, domains and networks that are reached without a proxy, parted by commas; `*` means all. In small letters too.",
    ),
    (
        "NO_COLOR",
        "If it is set and not empty, nothing is coloured. Colours are used on terminals only, and not where `TERM` is `dumb`.",
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "/etc/usersyncd/usersyncd.yaml",
        "The settings of the daemon, which may be missing: see `usersyncd.yaml`(5).",
    ),
    ("/etc/usersyncd/connectors.d/*.yaml", "The connectors: see `usersyncd-connector`(5)."),
    (
        "/var/lib/usersyncd/state.db",
        "What the daemon remembers: what it manages, runs and their reports, the journal, holds and approvals, kept plans.",
    ),
    (
        "/var/lib/usersyncd/directory.db",
        "The built-in directory. It may be read while the daemon runs, with `sqlite3 -readonly`.",
    ),
    ("/var/lib/usersyncd/lock", "Held while a daemon works on this directory."),
    (
        "/usr/share/usersyncd",
        "Examples of connector files and of drop-ins for systemd; the JSON Schema of connector files; alert rules and a dashboard.",
    ),
    ("/run/usersyncd/control.sock", "The socket that `ctl` uses. It speaks HTTP and JSON under /v1."),
];

const SIGNALS: &[(&str, &str)] = &[
    ("SIGHUP", "All configuration files are read again, as with `usersyncd ctl reload`."),
    (
        "SIGTERM, SIGINT",
        "The operation at hand is finished and written down, and the daemon ends. A second one ends it at once; what was under way is \
         settled by the next run.",
    ),
];

fn pairs(page: &mut Page, pairs: &[(&str, &str)]) {
    for (term, text) in pairs {
        page.item(vec![bold(*term)], text);
    }
}

fn example(page: &mut Page, lines: &[(&str, &str)]) {
    let lines: Vec<Line> = lines
        .iter()
        .map(|(code, remark)| Line { code: (*code).to_owned(), remark: (*remark).to_owned() })
        .collect();
    page.example(&lines);
}
