//! The parts of a page, and the command that writes it. What a browser makes of it is in `tests/browser`.

use std::os::unix::fs::PermissionsExt as _;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};

use super::*;
use crate::cli::ctl::fake::{Session, session};
use crate::cli::history;
use crate::cli::report::tests::{hold, now, report};
use crate::sync::model::{Finding, FindingKind, ScopeRule};
use crate::sync::report::{
    Cause, FORMAT_VERSION, FilteredBy, NotProven, OperationReport, Outcome, Stale, View, Waiting,
};

/// Whoever is called so gets neither a tag, nor an attribute, nor a line of its own, nor the direction of others' text.
const HOSTILE: &str = "\"><img src=x onerror=alert(1)>'</style><script>alert(2)</script>\u{202e}\u{0}\nx";

fn operation(summary: &str, result: &str, operation: Value) -> OperationReport {
    OperationReport {
        cause: None,
        summary: summary.to_owned(),
        result: result.to_owned(),
        hold: None,
        error: None,
        operation,
    }
}

/// A report in which everything that is text from elsewhere is `text`.
fn all_text_is(text: &str) -> Report {
    let (name, words) = (compact_str::CompactString::from(text), text.to_owned());
    let mut held = hold().of_group(name.clone());
    held.id = Some(3);
    held.cause = Some(Cause { file: words.clone(), from_file: 1, from_source: 2 });
    held.reason.clone_from(&words);
    held.names = vec![name.clone(), name.clone()];
    let changes = json!({
        "kind": text, "why": text,
        "before": { "username": text, text: "", "attributes": { text: "1" } },
        "after": { "username": "x", text: text },
    });
    let members = json!({
        "kind": "change_members", "leavers": ["1"],
        "before": { "removed": [{ "source": "1", "username": text }, { "source": "2", "username": text }] },
        "after": { "added": [text] },
    });
    let mut failed = operation(text, text, changes);
    failed.error = Some(words.clone());
    Report {
        connector: words.clone(),
        error: Some(words.clone()),
        user: Some(words.clone()),
        kept_plan: Some(words.clone()),
        in_grace: 1,
        waiting: vec![Waiting { username: name, until: now() }],
        stale: vec![Stale { summary: words.clone(), reason: words.clone() }],
        findings: vec![Finding::new(FindingKind::NotManaged, text, text)],
        not_proven: vec![NotProven {
            list: words.clone(),
            reason: words,
            removals_left_out: 1,
            left_out: Vec::new(),
        }],
        holds: vec![held],
        operations: vec![failed, operation(text, "applied", members)],
        ..report()
    }
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    let html = page(&all_text_is(HOSTILE), &[], now());
    let tags: Vec<&str> = html.split('<').skip(1).collect();
    for name in ["script>", "style>"] {
        assert_eq!(tags.iter().filter(|tag| tag.starts_with(name)).count(), 1, "{name}");
        assert_eq!(html.matches(&format!("</{name}")).count(), 1, "{name}");
    }
    assert!(!tags.iter().any(|tag| tag.starts_with("img")), "a name became a tag");
    assert!(!html.chars().any(|each| (each.is_control() && each != '\n') || each == '\u{202e}'));
    // As often as it stands in the report: nothing was left out to be safe.
    let shown = "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&lt;/style&gt;";
    assert_eq!(html.matches(shown).count(), 34, "{html}");
    let plain = page(&all_text_is("anna"), &[], now());
    assert_eq!(plain.matches('<').count(), html.matches('<').count(), "as many tags as with a plain name");
    assert_eq!(plain.lines().count(), html.lines().count() - 2, "two errors have lines of their own");
}

#[test]
fn the_policy_names_the_style_and_the_script_that_stand_in_the_page() {
    assert_eq!(digest(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    let html = page(&report(), &[], now());
    let inside = |from: &str, to: &str| html.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    let policy = inside("Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
            digest(&inside("<style>", "</style>")),
            digest(&inside("<script>", "</script>"))
        )
    );
    // The policy holds for what comes after it.
    assert!(html.find("Content-Security-Policy") < html.find("<style>"));
    assert!(html.find("charset").is_some_and(|at| at < 1024), "browsers look no further for it");
}

#[test]
fn nothing_comes_from_elsewhere_or_goes_there() {
    for text in [STYLE, SCRIPT] {
        for forbidden in
            ["</", "<!--", "http", "url(", "@import", "fetch", "XMLHttp", "innerHTML", "eval(", "\r"]
        {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
    }
    let html = page(&report(), &[], now());
    for forbidden in [" src=", "url(", "://", "<link", "<base", "style=\"", " onclick"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let mut links = html.split("href=\"").skip(1);
    assert!(links.all(|link| link.starts_with('#')), "{html}");
}

#[test]
fn the_head_says_how_it_went_and_what_is_special_about_it() {
    let mut html = Html::default();
    summary::push_header(
        &mut html,
        &Report {
            apply: false,
            outcome: Outcome::Held,
            error: Some("first\nsecond".to_owned()),
            user: Some("anna".to_owned()),
            undoes: Some(12),
            kept_plan: Some("k-3".to_owned()),
            not_in_plan: 2,
            approvals: vec![3, 5],
            view: Some(View { users: 1040, groups: 61 }),
            adopted: 1,
            ..report()
        },
    );
    insta::assert_snapshot!(html.finish(), @r##"
    <header>
    <h1><bdi>acme</bdi>, run 17 <span class="badge held">held</span></h1>
    <p class="notice"><strong>apply is off</strong> in the connector file: nothing was written, and this is what a sync would have done.</p>
    <p class="notice error"><strong>error:</strong> first
    second</p>
    <dl class="facts">
    <div><dt>trigger</dt><dd>cron</dd></div>
    <div><dt>started</dt><dd>2026-11-23 03:00:00 UTC</dd></div>
    <div><dt>ended</dt><dd>2026-11-23 03:02:05 UTC</dd></div>
    <div><dt>took</dt><dd>2 min 5 s</dd></div>
    <div><dt>requests to Okta</dt><dd>345</dd></div>
    <div><dt>managed after it</dt><dd>1000 users, 60 groups, 5000 memberships</dd></div>
    <div><dt>Okta showed</dt><dd>1040 users, 61 groups</dd></div>
    <div><dt>limited to user</dt><dd>anna</dd></div>
    <div><dt>undoes</dt><dd>run 12</dd></div>
    <div><dt>limited to kept plan</dt><dd>k-3</dd></div>
    <div><dt>not in the kept plan, left out</dt><dd>2 operations</dd></div>
    <div><dt>approved before</dt><dd>hold 3, hold 5</dd></div>
    <div><dt>would have taken over</dt><dd>1 user or group that was in the target and not managed</dd></div>
    </dl>
    </header>
    "##);
    for outcome in Outcome::ALL {
        let html = page(&Report { outcome, ..report() }, &[], now());
        let name = outcome.as_str();
        assert!(
            html.contains(&format!("<span class=\"badge {name}\">{name}</span>")),
            "words beside the colour"
        );
        assert!(STYLE.contains(&format!(".{name}")), "{name} has no colour");
    }
}

#[test]
fn what_a_person_should_look_at_is_all_there() {
    let mut held = hold();
    held.id = Some(3);
    held.fresh = false;
    held.names.truncate(2);
    held.cause = Some(Cause { file: "connectors.d/acme.yaml".to_owned(), from_file: 388, from_source: 12 });
    let mut html = Html::default();
    summary::push_holds(&mut html, &[held.clone()]);
    summary::push_remarks(
        &mut html,
        &Report {
            in_grace: 1,
            waiting: vec![Waiting { username: "bob".into(), until: now() }],
            findings: report().findings.into_iter().take(1).collect(),
            ..report()
        },
    );
    summary::push_counts(
        &mut html,
        &Report {
            filtered: FilteredBy {
                users: [(ScopeRule::Statuses, 12), (ScopeRule::Inactive, 0)].into(),
                groups: [(ScopeRule::GroupsExclude, 3)].into(),
            },
            ..report()
        },
    );
    insta::assert_snapshot!(html.finish(), @r##"
    <section id="holds"><h2>Held for a person to look at</h2>
    <p>Nothing of this was done.</p>
    <article class="hold" id="hold-3"><h3>Hold 3: memberships of group <bdi>jira-users</bdi></h3>
    <p>members of group jira-users: 30 of 100 would go, and the limit allows 20. Look first.</p>
    <p>388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta.</p>
    <p class="note">It was held before this run already.</p>
    <pre>user1
    user2</pre>
    </article>
    </section>
    <section id="not-proven"><h2>Not read to the end</h2>
    <p>Nothing was removed on account of these lists.</p>
    <table><thead><tr><th scope="col">list</th><th scope="col">why</th><th scope="col">left out</th></tr></thead>
    <tbody>
    <tr><td>members of jira-admins</td><td>page 3 did not parse</td><td>1 removal</td></tr>
    </tbody></table>
    </section>
    <section id="grace"><h2>In grace</h2>
    <p>1 leaver; left alone until it is over.</p>
    <table><thead><tr><th scope="col">user</th><th scope="col">until</th></tr></thead>
    <tbody>
    <tr><td>bob</td><td>2026-11-23 06:00:00 UTC</td></tr>
    </tbody></table>
    </section>
    <section id="findings"><h2>Findings</h2>
    <table><thead><tr><th scope="col">kind</th><th scope="col">about</th><th scope="col">what</th></tr></thead>
    <tbody>
    <tr><td>name_collision</td><td>u1</td><td>taken\nby another</td></tr>
    </tbody></table>
    </section>
    <section id="counts"><h2>Counts</h2>
    <table class="counts"><thead><tr><th scope="col"><span class="hidden">kind of object</span></th><th scope="col">created</th><th scope="col">updated</th><th scope="col">unchanged</th><th scope="col">disabled</th><th scope="col">deleted</th><th scope="col">failed</th><th scope="col">filtered</th><th scope="col">held</th></tr></thead>
    <tbody>
    <tr><th scope="row">users</th><td>12</td><td class="zero">0</td><td>985</td><td class="zero">0</td><td class="zero">0</td><td><span class="bad" aria-hidden="true">!</span> 1</td><td>40</td><td class="zero">0</td></tr>
    <tr><th scope="row">groups</th><td class="zero">0</td><td class="zero">0</td><td>60</td><td class="zero">0</td><td class="zero">0</td><td class="zero">0</td><td class="zero">0</td><td class="zero">0</td></tr>
    <tr><th scope="row">memberships</th><td>120</td><td class="zero">0</td><td class="zero">0</td><td class="zero">0</td><td>3</td><td class="zero">0</td><td class="zero">0</td><td><span class="bad" aria-hidden="true">!</span> 30</td></tr>
    </tbody></table>
    <table><caption>Filtered by these keys of the connector file</caption><tbody>
    <tr><th scope="row"><code>scope.statuses</code></th><td class="number">12</td><td>users</td></tr>
    <tr><th scope="row"><code>groups.exclude</code></th><td class="number">3</td><td>groups</td></tr>
    </tbody></table>
    </section>
    "##);

    held.cause = Some(Cause { file: "connectors.d/acme.yaml".to_owned(), from_file: 30, from_source: 0 });
    let mut html = Html::default();
    summary::push_holds(&mut html, &[held]);
    assert!(html.finish().contains("<p>all 30 come from the change of connectors.d/acme.yaml.</p>"));
    let mut html = Html::default();
    summary::push_holds(&mut html, &[]);
    assert_eq!(html.finish(), "", "no section without holds");
}

#[test]
fn operations_have_their_result_reason_and_what_changes() {
    let person = |email: &str| json!({ "username": "anna", "email": email });
    let mut update = operation(
        "update user anna",
        "failed",
        json!({ "kind": "update_user", "why": "the mail differs", "before": person("a@x"), "after": person("") }),
    );
    update.error = Some("refused\nby the target".to_owned());
    let members = json!({
        "kind": "change_members", "why": "members differ", "leavers": ["3"],
        "before": { "removed": [
            { "source": "2", "username": "bob" }, { "source": "3", "username": "carl" },
        ] },
        "after": { "added": [{ "source": "1", "username": "zoe" }, { "source": "4", "username": "yan" }] },
    });
    let mut held = operation("change members of group g (+2 -2)", "held", members);
    held.hold = Some(3);
    let mut gone = operation("disable user dora", "held", Value::Null);
    gone.hold = Some(4);
    let create = json!({ "kind": "create_user", "before": null, "after": person("a@x") });
    let delete = json!({ "kind": "delete_user", "after": null, "before": {
        "username": "eve", "active": true, "groups": [{ "name": "staff", "id": "1" }],
    } });
    let all = [
        operation("create user anna", "applied", create),
        update,
        held,
        gone,
        operation("delete user eve", "applied", delete),
    ];
    let mut known = hold();
    known.id = Some(3);
    let mut html = Html::default();
    operations::push(&mut html, &all, &[known]);
    insta::assert_snapshot!(html.finish(), @r##"
    <section id="operations"><h2>Operations</h2>
    <div id="controls" role="search" aria-label="operations" hidden>
    <label>Search <input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="name, address, reason …"></label>
    <label>Result <select id="result" autocomplete="off"><option value="">all</option><option value="applied">applied (2)</option><option value="failed">failed (1)</option><option value="held">held (2)</option></select></label>
    <label>Kind <select id="kind" autocomplete="off"><option value="">all</option><optgroup label="Users"><option value="users">all users (4)</option><option value="create_user">create user (1)</option><option value="delete_user">delete user (1)</option><option value="unknown">unknown (1)</option><option value="update_user">update user (1)</option></optgroup><optgroup label="Memberships"><option value="change_members">change members (1)</option></optgroup></select></label>
    <button id="clear" type="button">Clear</button>
    <output id="count" for="search result kind">5 of 5 operations</output>
    </div>
    <ol id="rows">
    <li data-n="1" data-r="applied" data-k="create_user" data-o="users"><p><b>applied</b></p><div><p>create user anna</p><pre>username: anna
    email: a@x</pre></div></li>
    <li data-n="2" data-r="failed" data-k="update_user" data-o="users"><p><b>failed</b></p><div><p>update user anna</p><i>the mail differs</i><p class="bad">refused
    by the target</p><pre>email: <del>a@x</del> → <ins>(none)</ins></pre></div></li>
    <li data-n="3" data-r="held" data-k="change_members" data-o="memberships"><p><b>held</b> <a href="#hold-3">hold 3</a></p><div><p>change members of group g (+2 -2)</p><i>members differ</i><pre><ins>+ yan
    + zoe</ins>
    <del>− bob
    − leaver carl</del></pre></div></li>
    <li data-n="4" data-r="held" data-k="unknown" data-o="users"><p><b>held</b> hold 4</p><div><p>disable user dora</p></div></li>
    <li data-n="5" data-r="applied" data-k="delete_user" data-o="users"><p><b>applied</b></p><div><p>delete user eve</p><pre>username: <del>eve</del>
    <del>− member of staff</del></pre></div></li>
    </ol></section>
    "##);
    let mut html = Html::default();
    operations::push(&mut html, &[], &[]);
    assert!(html.finish().contains("<p>There were none.</p>"));
}

/// A daemon that knows the runs 1 to `last` of acme, the latest ones busy or failed, and the report of run 17.
fn daemon(json: bool, last: u64) -> Session {
    let summary = move |number: u64| {
        let outcome = if number.is_multiple_of(10) { None } else { Some(Outcome::Success) };
        RunSummary { run: number, outcome, ..RunSummary::from(&report()) }
    };
    let runs = move |Query(query): Query<Vec<(String, String)>>| async move {
        assert_eq!(query[0], ("connector".to_owned(), "acme".to_owned()));
        let limit: usize = query[1].1.parse().unwrap();
        let runs = (1..=last).rev().map(summary).take(limit).collect();
        json!(RunList { format_version: FORMAT_VERSION, runs }).to_string()
    };
    let routes = Router::new()
        .route("/v1/runs/17", get(|| async { json!(report()).to_string() }))
        .route("/v1/runs", get(runs));
    session(json, routes)
}

#[tokio::test]
async fn the_chart_ends_with_this_run() {
    for last in [17, 30, 500, 1005, 1500] {
        let session = daemon(false, last);
        let runs = runs_up_to(&session.ctl, &report()).await.unwrap();
        let numbers: Vec<u64> = runs.iter().map(|run| run.run).collect();
        // Run 10 did not end, and the daemon lists the last thousand.
        let listed = |number: &u64| *number != 10 && *number > last.saturating_sub(ALL_RUNS as u64);
        let wanted: Vec<u64> = (1..17).filter(listed).chain([17]).collect();
        assert_eq!(numbers, wanted, "of {last}");
    }
    let late = Report { run: 300, ..report() };
    let runs = runs_up_to(&daemon(false, 320).ctl, &late).await.unwrap();
    assert_eq!((runs.len(), runs.last().unwrap().run), (MOST_RUNS, 300));
}

#[tokio::test]
async fn a_connector_that_was_renamed_has_its_page_all_the_same() {
    let gone = json!({ "format_version": 1, "error": "not_found", "message": "there is no connector acme" });
    let gone = move || async move { (StatusCode::NOT_FOUND, gone.to_string()).into_response() };
    let session = session(false, Router::new().route("/v1/runs", get(gone)));
    let runs = runs_up_to(&session.ctl, &report()).await.unwrap();
    assert_eq!(runs, [RunSummary::from(&report())]);
}

#[tokio::test]
async fn the_page_goes_to_a_file_for_its_owner_or_to_standard_output() {
    let (session, scratch) = (daemon(false, 20), tempfile::tempdir().unwrap());
    let file = scratch.path().join("page.html");
    let exit = history::run(&session.ctl, 17, Some(&file)).await.unwrap();
    assert_eq!(exit, Exit::Done);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("<!doctype html>") && written.ends_with("</html>\n"), "{written}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(session.data.text(), "");
    let said = session.messages.text();
    let begin = format!("wrote {}: run 17 of acme, 2 operations, ", file.display());
    assert!(
        said.starts_with(&begin)
            && said.ends_with(" kB; only you may read it, since it has names of people\n"),
        "{said}"
    );

    history::run(&session.ctl, 17, Some(Path::new("-"))).await.unwrap();
    assert_eq!(session.data.text(), written, "the same run, the same page");
}

#[tokio::test]
async fn json_and_a_page_at_once_are_refused_before_anything_is_asked() {
    let session = session(true, Router::new());
    let failure = history::run(&session.ctl, 17, Some(Path::new("-"))).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.message.contains("--json") && failure.message.contains("--html"), "{}", failure.message);
}

#[test]
fn sizes() {
    assert_eq!([1, 95_001, 999_999, 3_290_000].map(size), ["1 kB", "96 kB", "1000 kB", "3.2 MB"]);
}

#[test]
fn a_page_of_many_operations_stays_small() {
    let one = |number: u64| {
        let name = format!("anna.berger{number}@example.com");
        let after = json!({ "username": name, "email": name, "first_name": "Anna", "last_name": "Berger",
            "display_name": "Anna Berger" });
        let document = json!({ "kind": "create_user", "why": "in scope", "before": null, "after": after });
        operation(&format!("create user {name}"), "applied", document)
    };
    let size =
        |count| page(&Report { operations: (0..count).map(one).collect(), ..report() }, &[], now()).len();
    let each = (size(1100) - size(100)) / 1000;
    assert!(each <= ROOM.1, "{each} bytes for each operation");
}
