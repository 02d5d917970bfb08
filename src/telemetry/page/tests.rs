//! What the page says, and what it does not say. What a browser makes of it is in `tests/browser`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::control::api::{
    Approval, ConnectorState, ConnectorStatus, CurrentRun, DaemonStatus, HoldState, HoldView,
    IncrementalStatus, RunSummary, TokenStatus,
};
use crate::sync::model::FindingKind;
use crate::sync::progress::{Phase, ProgressView};
use crate::sync::report::{
    Cause, Counts, FORMAT_VERSION, HoldKind, HoldSummary, KindCounts, Managed, Outcome, Trigger,
};

fn now() -> DateTime<Utc> {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> DateTime<Utc> {
    now() - TimeDelta::minutes(minutes)
}

fn run(number: u64, outcome: Outcome) -> RunSummary {
    let users = KindCounts { created: 3, held: 2, ..KindCounts::default() };
    RunSummary {
        run: number,
        connector: "acme".to_owned(),
        trigger: Trigger::Cron,
        started: ago(62),
        ended: Some(ago(60)),
        outcome: Some(outcome),
        error: None,
        user: None,
        counts: Counts { users, ..Counts::default() },
        findings: 4,
        managed: Managed { users: 1000, active: 990, groups: 60, memberships: 5000 },
        undoes: None,
    }
}

/// One that is well.
pub(in crate::telemetry) fn connector(name: &str) -> ConnectorStatus {
    ConnectorStatus {
        pause_reason: None,
        name: name.to_owned(),
        state: ConnectorState::Idle,
        runnable: true,
        source: Some("https://acme.okta.com".to_owned()),
        target: Some("the built-in directory".to_owned()),
        schedule: Some("0 */4 * * * Europe/Berlin".to_owned()),
        apply: true,
        next_run: Some(ago(-12)),
        incremental: None,
        token: None,
        queued: false,
        waiting: 0,
        current: None,
        last_run: Some(run(17, Outcome::Success)),
        last_success: Some(ago(60)),
        managed: Managed { users: 1000, active: 990, groups: 60, memberships: 5000 },
        config_error: None,
    }
}

/// A page about these, each with a history of three runs.
pub(in crate::telemetry) fn facts(connectors: Vec<ConnectorStatus>) -> Facts {
    let history = History {
        runs: vec![run(15, Outcome::Success), run(16, Outcome::Failed), run(17, Outcome::Held)],
        last: Some(LastRun {
            run: 17,
            requests: 68,
            findings: [(FindingKind::NameCollision, 3), (FindingKind::NotManaged, 1)].into(),
            records: vec![(FindingKind::NameCollision, "eve".to_owned(), "taken".to_owned())],
            not_proven: 1,
            in_grace: 2,
        }),
    };
    let histories = connectors.iter().map(|one| (one.name.clone(), history.clone())).collect();
    Facts {
        now: now(),
        status: DaemonStatus {
            format_version: FORMAT_VERSION,
            version: "0.1.0".to_owned(),
            pid: 1,
            started: ago(60 * 75),
            config: "usersyncd.yaml".to_owned(),
            state: "state".to_owned(),
            metrics: None,
            stopping: false,
            restart_needed_for: Vec::new(),
            connectors,
        },
        holds: Vec::new(),
        hold_counts: Some(BTreeMap::new()),
        histories,
        gap: None,
    }
}

fn hold(id: u64, kind: HoldKind, state: HoldState) -> Held {
    let summary = HoldSummary::new(kind, 28, (10, 280), "28 of 280 would go: anna and others".to_owned());
    let hold = HoldView {
        connector: "acme".to_owned(),
        summary: HoldSummary { id: Some(id), names: vec!["anna".into()], ..summary },
        state,
        changes: 28,
        first_run: 12,
        first_seen: ago(600),
        last_run: 17,
        last_seen: ago(60),
        approval: None,
    };
    Held { hold, names: 28 }
}

/// The same facts with these holds.
fn holding(mut facts: Facts, holds: Vec<Held>) -> Facts {
    let mut counts: BTreeMap<String, HoldCounts> = BTreeMap::new();
    for held in &holds {
        counts.entry(held.hold.connector.clone()).or_default().add(held.hold.state, 1);
    }
    (facts.holds, facts.hold_counts) = (holds, Some(counts));
    facts
}

fn wanted(full: bool) -> Wanted {
    Wanted { connector: None, full, renewed: true }
}

fn shown(facts: Facts) -> String {
    render(facts, &wanted(false))
}

/// The text of a page as it is read, words with one space between them.
fn words(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").unwrap();
    let html = before.to_owned() + rest.split_once("</style>").unwrap().1;
    let text: String = html
        .split('<')
        .skip(1)
        .map(|part| part.split_once('>').map_or("", |(_, text)| text).to_owned() + " ")
        .collect();
    text.replace("&nbsp;", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has(html: &str, wanted: &str) {
    let words = words(html);
    assert!(words.contains(wanted), "{wanted:?} is not in {words}");
}

/// Facts in which everything that is text is `text`, and everything that may be missing is there.
fn all_text_is(text: &str) -> Facts {
    let words = text.to_owned();
    let one = ConnectorStatus {
        state: ConnectorState::ConfigError,
        source: Some(words.clone()),
        target: Some(words.clone()),
        incremental: Some(IncrementalStatus {
            every_seconds: 300,
            last_success: None,
            waits_for: Some(words.clone()),
        }),
        token: Some(TokenStatus {
            last_used: ago(60 * 24 * 20),
            lapses_at: ago(-60 * 24 * 10),
            next_use: None,
            will_lapse: true,
            why: Some("nobody uses it".to_owned()),
        }),
        current: Some(CurrentRun {
            run: 18,
            trigger: Trigger::Manual,
            user: Some(words.clone()),
            started: ago(1),
            progress: ProgressView {
                phase: Phase::Reading,
                users_read: 1,
                groups_read: 1,
                groups_total: 2,
                operations_applied: 0,
                operations_total: 0,
                requests: 1,
                waiting_for_rate_limit: 0,
            },
        }),
        last_run: Some(RunSummary { error: Some(words.clone()), ..run(17, Outcome::Failed) }),
        config_error: Some(words.clone()),
        ..connector("acme")
    };
    let mut facts = facts(vec![one]);
    (facts.status.config, facts.status.state) = (words.clone(), words.clone());
    facts.status.metrics = Some(words.clone());
    let history = facts.histories.get_mut("acme").unwrap();
    for run in &mut history.runs {
        (run.error, run.user) = (Some(words.clone()), Some(words.clone()));
    }
    if let Some(last) = &mut history.last {
        last.records = vec![(FindingKind::NameCollision, words.clone(), words.clone())];
    }
    let kinds = HoldKind::ALL.into_iter().zip(1..);
    let states = [HoldState::Open, HoldState::Approved, HoldState::Discarded];
    let holds = kinds.flat_map(|(kind, at)| states.map(|state| hold(at, kind, state))).map(|mut held| {
        held.hold.summary.group = Some(text.into());
        held.hold.summary.reason = words.clone();
        held.hold.summary.names = vec![text.into(), text.into()];
        held
    });
    let holds = holds.collect();
    holding(facts, holds)
}

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>'</style><script>alert(2)</script>\u{202e}\u{0}\nx";

#[test]
fn names_are_on_the_full_page_and_on_no_other() {
    let canary = "canary-anna.example@okta-7";
    for state in ConnectorState::ALL {
        for outcome in Outcome::ALL {
            let mut facts = all_text_is(canary);
            facts.status.connectors[0].state = state;
            facts.status.connectors[0].last_run.as_mut().unwrap().outcome = Some(outcome);
            assert!(render(facts.clone(), &wanted(true)).contains(canary));
            for connector in [None, Some("acme".to_owned())] {
                let html = render(facts.clone(), &Wanted { connector, full: false, renewed: false });
                assert!(!html.contains("canary"), "{state:?} {outcome:?}: {html}");
            }
        }
    }
    // All of it, and not only some.
    let full = render(all_text_is(canary), &wanted(true));
    assert_eq!(full.matches(canary).count(), 1 + 1 + 1 + 1 + 1 + 1 + 3 + 2 + 21 * 4, "{full}");
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    let html = render(all_text_is(HOSTILE), &wanted(true));
    assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
    assert_eq!((html.matches("<style>").count(), html.matches("</style>").count()), (1, 1));
    assert!(!html.chars().any(|each| (each.is_control() && each != '\n') || each == '\u{202e}'));
    let plain = render(all_text_is("anna"), &wanted(true));
    assert_eq!(plain.matches('<').count(), html.matches('<').count(), "as many tags as with a plain name");
}

#[test]
fn the_page_is_one_file_that_asks_nobody_for_anything() {
    let html = render(all_text_is("x"), &wanted(true));
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(POLICY.contains(&format!("style-src '{}'", digest(style))), "{}", *POLICY);
    for forbidden in ["<script", " src=", "url(", "@import", "<base", "style=\"", "onclick", "<form", "//"] {
        let own = html.replace("xmlns='http://www.w3.org/2000/svg'", "");
        assert!(!own.contains(forbidden), "{forbidden}");
    }
    let mut links = html.split("href=\"").skip(1);
    assert!(
        links.all(|link| ["#", "metrics", "?", "data:"].iter().any(|known| link.starts_with(known))),
        "{html}"
    );
    assert!(html.find("charset").is_some_and(|at| at < 1024), "browsers look no further for it");
}

#[test]
fn what_a_person_on_call_reads_first() {
    let broken = ConnectorStatus {
        state: ConnectorState::ConfigError,
        config_error: Some("x".to_owned()),
        ..connector("beta")
    };
    let failing = ConnectorStatus {
        state: ConnectorState::Failing,
        last_run: Some(run(9, Outcome::Failed)),
        ..connector("gamma")
    };
    let paused = ConnectorStatus { state: ConnectorState::Paused, next_run: None, ..connector("delta") };
    let held = ConnectorStatus { state: ConnectorState::Held, ..connector("acme") };
    let facts = facts(vec![held, broken, paused, failing, connector("well")]);
    let html = shown(holding(facts, vec![hold(7, HoldKind::Leavers, HoldState::Open)]));
    has(&html, "usersyncd 3 need attention version 0.1.0 · running since 2026-11-20 03:00 UTC 3 days ago");
    has(
        &html,
        "5 connectors, 1 paused. 3 need attention: beta : its file is broken gamma : run 9 failed acme : 1 hold waits for \
         a decision Connectors",
    );
    assert!(html.contains("<title>3 need attention – usersyncd</title>") && html.contains("fill='crimson'"));

    let html = shown(self::facts(vec![connector("acme")]));
    has(&html, "1 connector. Nothing needs attention.");
    has(&html, "Held Nothing is held.");
    assert!(html.contains("<title>all is well – usersyncd</title>") && html.contains("fill='seagreen'"));

    let html = shown(self::facts(Vec::new()));
    has(&html, "No connectors: put a file NAME.yaml into the connectors directory.");
    assert!(!html.contains("<table"), "{html}");
}

#[test]
fn what_was_put_aside_or_is_approved_asks_for_nothing() {
    let held = ConnectorStatus { state: ConnectorState::Held, ..connector("acme") };
    let aside = vec![hold(7, HoldKind::Leavers, HoldState::Discarded)];
    let html = shown(holding(facts(vec![held.clone()]), aside));
    has(&html, "Nothing needs attention.");
    has(&html, "put aside");
    // Where it is not known, the state has to do.
    let html = shown(Facts { hold_counts: None, gap: Some("no answer."), ..facts(vec![held]) });
    has(&html, "1 needs attention: acme : something is held");
    has(&html, "Something is missing here: no answer.");
    assert!(!html.contains("Nothing is held"), "{html}");
}

#[test]
fn a_late_run_and_a_token_that_lapses_want_attention() {
    let late = ConnectorStatus { next_run: Some(ago(6)), ..connector("late") };
    let soon = ConnectorStatus { next_run: Some(ago(4)), ..connector("soon") };
    let busy = ConnectorStatus { state: ConnectorState::Running, ..late.clone() };
    let busy = ConnectorStatus { name: "busy".to_owned(), ..busy };
    let token = TokenStatus {
        last_used: ago(60 * 24 * 20),
        lapses_at: ago(-60 * 24 * 10),
        next_use: None,
        will_lapse: true,
        why: Some("it has no schedule".to_owned()),
    };
    let lapses = ConnectorStatus { token: Some(token), ..connector("lapses") };
    let html = shown(facts(vec![busy, lapses, late, soon]));
    has(
        &html,
        "2 need attention: lapses : its API token will lapse late : its next run is overdue Connectors",
    );
    has(
        &html,
        "Its API token will lapse on 2026-12-03 06:00 UTC in 10 days , since Okta drops a token that nobody uses for 30 \
         days: it has no schedule.",
    );
}

#[test]
fn all_of_a_connector_is_in_its_section() {
    let one = ConnectorStatus {
        incremental: Some(IncrementalStatus {
            every_seconds: 300,
            last_success: Some(ago(3)),
            waits_for: None,
        }),
        queued: true,
        waiting: 2,
        apply: false,
        ..connector("acme")
    };
    let html = render(facts(vec![one]), &Wanted { connector: Some("acme".to_owned()), ..wanted(false) });
    for fact in [
        "last run run 17 (cron): ✓ success in 2 min 0 s, 2026-11-23 05:00 UTC 1 h ago",
        "last success 2026-11-23 05:00 UTC",
        "next run 2026-11-23 06:12 UTC in 12 min",
        "schedule 0 */4 * * * Europe/Berlin",
        "changes every 5 min, last 2026-11-23 05:57 UTC 3 min ago",
        "queued 2 requests",
        "apply off: plans and reports, writes nothing",
        "manages 1000 users (990 active), 60 groups, 5000 memberships",
        "requests of the last run 68",
        "not read to the end 1 list",
        "in grace 2 leavers",
        "name_collision 3 Two users want one name; neither takes it from the other.",
        "Which records: usersyncd ctl run 17",
        "held findings 17 ▲ held cron",
        "16 × failed cron 2026-11-23 05:00 UTC 1 h ago 2 min 0 s users 3 created 2 4",
    ] {
        has(&html, fact);
    }
    assert!(
        !html.contains("class=\"overview\"")
            && html.contains("href=\"../\"")
            && html.contains("\"../metrics\"")
    );
    assert!(!html.contains("acme.okta.com") && !html.contains("<bdi>eve"), "{html}");
    // Two charts of three runs, each with the failed one and the held one marked.
    assert_eq!((html.matches("<svg ").count(), html.matches("<rect ").count()), (2, 3));
    assert_eq!((html.matches("<circle ").count(), html.matches("<path ").count()), (1, 4));
}

#[test]
fn a_connector_that_never_ran_says_so() {
    let new = ConnectorStatus {
        last_run: None,
        last_success: None,
        schedule: None,
        next_run: None,
        ..connector("new")
    };
    let mut facts = facts(vec![new]);
    facts.histories.insert("new".to_owned(), History::default());
    let html = shown(facts.clone());
    has(&html, "last run never last success never next run when asked schedule none: runs when asked");
    has(&html, "It has not run yet. usersyncd ctl plan new shows what a sync would do.");
    assert!(!html.contains("<svg"), "{html}");
    // Whether it ever ran is not known then.
    let html = shown(Facts { gap: Some("no answer."), ..facts });
    assert!(!html.contains("has not run yet"), "{html}");
}

#[test]
fn what_is_wrong_with_a_connector_says_what_to_do() {
    let broken = ConnectorStatus {
        state: ConnectorState::ConfigError,
        runnable: false,
        next_run: None,
        config_error: Some("error: unknown key `<b>`\n --> acme.yaml:3".to_owned()),
        last_run: Some(RunSummary {
            error: Some("Okta refused the token".to_owned()),
            ..run(17, Outcome::Failed)
        }),
        ..connector("acme")
    };
    let html = shown(facts(vec![broken.clone()]));
    has(&html, "Its file is broken. It does not run until the file is put right. usersyncd check says");
    has(
        &html,
        "Run 17 failed. It ended without applying anything. usersyncd ctl run 17 says why, and what to do.",
    );
    has(&html, "next run not while its file is broken");
    let html = render(facts(vec![broken]), &wanted(true));
    assert!(html.contains("<pre>error: unknown key `&lt;b&gt;`\n --&gt; acme.yaml:3</pre>"), "{html}");
    has(&html, "Okta refused the token usersyncd ctl run 17");

    let paused = ConnectorStatus {
        state: ConnectorState::Paused,
        next_run: None,
        pause_reason: Some("run 17 was undone by run 18".to_owned()),
        ..connector("acme")
    };
    let html = shown(facts(vec![paused]));
    has(&html, "It is paused: run 17 was undone by run 18. Nothing runs until somebody lets it go on.");
    has(&html, "usersyncd ctl plan acme what a sync would do usersyncd ctl resume acme let it go on");
}

/// The commands that a hold offers.
fn commands(held: Held, connector: Option<ConnectorStatus>) -> Vec<String> {
    let facts = facts(connector.into_iter().collect());
    let html = shown(holding(facts, vec![held]));
    let list = html.split("<article").nth(1).unwrap().split("</article>").next().unwrap();
    let list = list.split("<code>usersyncd ctl ").skip(1);
    list.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

#[test]
fn a_hold_offers_what_the_daemon_would_not_refuse() {
    let acme = || Some(ConnectorStatus { state: ConnectorState::Held, ..connector("acme") });
    let open = |kind| hold(7, kind, HoldState::Open);
    let leavers = || open(HoldKind::Leavers);
    assert_eq!(commands(leavers(), acme()), ["hold 7", "approve 7 --wait", "plan acme", "discard 7"]);
    let paused = ConnectorStatus { state: ConnectorState::Paused, ..connector("acme") };
    assert_eq!(
        commands(leavers(), Some(paused.clone())),
        ["hold 7", "approve 7 --later", "plan acme", "discard 7"]
    );
    let off = ConnectorStatus { apply: false, ..connector("acme") };
    assert_eq!(commands(leavers(), Some(off)), ["hold 7", "plan acme", "discard 7"]);
    assert_eq!(commands(leavers(), None), ["hold 7"], "its file is gone");
    let mut warning = leavers();
    warning.hold.changes = 0;
    assert_eq!(commands(warning.clone(), acme()), ["hold 7", "discard 7"]);
    warning.hold.summary.kind = HoldKind::View;
    assert_eq!(commands(warning, acme()), ["hold 7", "approve 7 --wait", "plan acme", "discard 7"]);
    let aside = hold(7, HoldKind::Leavers, HoldState::Discarded);
    assert_eq!(commands(aside, acme()), ["hold 7", "approve 7 --wait", "plan acme"]);
    let approved = || hold(7, HoldKind::Leavers, HoldState::Approved);
    assert_eq!(commands(approved(), acme()), ["hold 7", "sync acme --wait", "discard 7"]);
    assert_eq!(commands(approved(), Some(paused)), ["hold 7", "resume acme", "discard 7"]);
}

#[test]
fn a_hold_says_how_much_of_what_and_since_when() {
    let mut open = hold(7, HoldKind::Memberships, HoldState::Open);
    open.hold.summary.group = Some("jira-users".into());
    open.hold.summary.cause =
        Some(Cause { file: "connectors.d/acme.yaml".to_owned(), from_file: 20, from_source: 8 });
    let mut approved = hold(6, HoldKind::Creates, HoldState::Approved);
    approved.hold.approval = Some(Approval { uid: 4711, at: ago(30), until: ago(-60), left: 5 });
    let facts = holding(facts(vec![connector("acme")]), vec![open, approved]);
    let html = shown(facts.clone());
    has(
        &html,
        "Hold 7: memberships of acme waits for a decision 28 of 280 memberships of one group would go; at most 10 may pass \
         without a person&#39;s look (limits.memberships). since run 12, 2026-11-22 20:00 UTC 10 h ago last held by run 17, \
         2026-11-23 05:00 UTC 1 h ago held 28 of 280 limit 10 cause 20 of 28 come from the change of connectors.d/acme.yaml, \
         8 from Okta usersyncd ctl hold 7",
    );
    has(
        &html,
        "approved 2026-11-23 05:30 UTC (30 min ago), counts until 2026-11-23 07:00 UTC (in 1 h); 5 changes not applied yet",
    );
    assert!(!html.contains("anna") && !html.contains("jira-users") && !html.contains("4711"), "{html}");
    let html = render(facts, &wanted(true));
    has(&html, "Hold 7: memberships of group jira-users of acme");
    has(&html, "28 of 280 would go: anna and others since");
    has(&html, "anna , and 27 more");
}

#[test]
fn many_connectors_have_pages_of_their_own() {
    let mut all: Vec<ConnectorStatus> = (0..600).map(|number| connector(&format!("c{number:03}"))).collect();
    all[599].state = ConnectorState::Failing;
    let mut facts = facts(all);
    let names = detailed(&facts.status, facts.hold_counts.as_ref(), facts.now);
    assert_eq!((names.len(), names[0].as_str(), names[1].as_str()), (MOST_DETAILS, "c599", "c000"));
    facts.histories.retain(|name, _| names.contains(name));
    let html = shown(facts);
    assert_eq!(html.matches("<section class=\"connector\"").count(), MOST_DETAILS);
    assert!(html.contains("<a href=\"#c-c599\">") && html.contains("<a href=\"#c-c000\">"));
    assert!(html.contains("<a href=\"connectors/c300\">") && !html.contains("#c-c300"));
    has(&html, "100 more: usersyncd ctl list");
    has(&html, "The details of 20 of 600 connectors are on this page");
}

#[test]
fn it_is_renewed_unless_somebody_reads() {
    let refresh = "http-equiv=\"refresh\" content=\"60\"";
    let html = shown(facts(vec![connector("acme")]));
    assert!(html.contains(refresh) && html.contains("href=\"?refresh=off\""), "{html}");
    let html = render(facts(vec![connector("acme")]), &Wanted { renewed: false, ..wanted(false) });
    assert!(!html.contains(refresh) && html.contains("href=\"?\""), "{html}");
}

#[test]
fn what_the_daemon_itself_has_to_say() {
    let mut facts = facts(vec![connector("acme")]);
    (facts.status.stopping, facts.status.restart_needed_for) =
        (true, vec!["state".to_owned(), "notify".to_owned()]);
    let html = shown(facts);
    has(&html, "The daemon is stopping: what is busy is brought to its end.");
    has(&html, "Restart needed: state , notify changed in usersyncd.yaml");
}
