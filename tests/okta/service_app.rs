//! Signing in as a service app: what the stand-in's authorization server, which is strict, makes of the client.

use std::time::Duration;

use sandbox::okta::{
    AppRole, Counts, Fault, FaultKind, KeyKind, KeyPair, Limits, Options, RateLimits, Refusal, Route,
    ServiceApp,
};
use tokio::time::{Instant, advance, sleep};
use usersyncd::clock::Clock;
use usersyncd::config::model::Algorithm;
use usersyncd::http::Patience;
use usersyncd::source::okta::{Okta, SignIns};
use usersyncd::source::{LogPlace, Scopes, Since, Source, SourceError};

use super::support::{Bench, CLIENT, impatience, patience, request, unproven_groups, users_proof};

/// Three pages of users, and groups with members.
fn options() -> Options {
    Options { users: 620, groups: 12, memberships: 900, seed: 3, ..Options::default() }
}

/// As many users as it takes to have some.
fn few() -> Options {
    Options { users: 20, groups: 3, memberships: 30, ..Options::default() }
}

/// A stand-in with a service app, and the app's key.
async fn start(options: Options, change: impl FnOnce(&mut ServiceApp)) -> (Bench, KeyPair) {
    start_with(options, patience(), change).await
}

async fn start_with(
    options: Options,
    patience: Patience,
    change: impl FnOnce(&mut ServiceApp),
) -> (Bench, KeyPair) {
    let mut bench = Bench::start_with(options, patience, 100).await;
    // Where time is paused, it is for this clock too.
    bench.sign_ins = SignIns::new(Clock::starting_at(Clock::system().now()));
    let pair = KeyPair::generate(KeyKind::P256);
    let mut app = ServiceApp::new(CLIENT, pair.public_key());
    change(&mut app);
    bench.okta.add_service_app(app);
    (bench, pair)
}

fn source(bench: &Bench, pair: &KeyPair) -> Okta {
    bench.signing_in(&pair.private_pem(), |_, _| {})
}

async fn read(bench: &Bench, source: &Okta) {
    bench.assert_whole(&source.read(&request(), &bench.control).await.unwrap());
}

async fn refusal(bench: &Bench, source: &Okta) -> String {
    match source.read(&request(), &bench.control).await {
        Err(SourceError::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Token requests, and tokens that were given out.
fn tokens(bench: &Bench) -> (u64, u64) {
    let Counts { oauth, .. } = bench.okta.requests();
    (oauth.token_requests, oauth.issued)
}

/// What was refused to the app, and how often.
fn refusals(bench: &Bench) -> Vec<(Refusal, u64)> {
    bench.okta.requests().oauth.refusals.into_iter().collect()
}

#[tokio::test]
async fn each_algorithm_signs_in_with_a_key_in_either_form() {
    for (kind, algorithms) in [
        (KeyKind::Rsa2048, &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512][..]),
        (KeyKind::P256, &[Algorithm::Es256]),
        (KeyKind::P384, &[Algorithm::Es384]),
        (KeyKind::P521, &[Algorithm::Es512]),
    ] {
        let (bench, _) = start(few(), |_| {}).await;
        let pair = KeyPair::generate(kind);
        bench.okta.add_service_app(ServiceApp::new(CLIENT, pair.public_key()));
        for algorithm in algorithms.iter().copied().map(Some).chain([None]) {
            for key in [pair.private_pem(), pair.private_jwk().to_string()] {
                // Another process each time, so that each signs in.
                let sign_ins = SignIns::new(Clock::system());
                bench.okta.reset_counts();
                let source = bench.signing_in_with(&sign_ins, &key, |_, app| app.algorithm = algorithm);
                read(&bench, &source).await;
                assert_eq!((tokens(&bench), refusals(&bench)), ((1, 1), vec![]), "{kind:?} {algorithm:?}");
            }
        }
    }
}

#[tokio::test]
async fn all_connectors_of_an_app_and_all_their_runs_share_a_token() {
    let (bench, pair) = start(options(), |_| {}).await;
    let (one, other) = (source(&bench, &pair), source(&bench, &pair));
    tokio::join!(read(&bench, &one), read(&bench, &other));
    read(&bench, &one).await;
    assert_eq!(tokens(&bench), (1, 1));
    // Another question, and another secret, are another sign-in.
    let scopes =
        |app: &mut usersyncd::config::model::ServiceApp| app.scopes.push("okta.apps.read".to_owned());
    read(&bench, &bench.signing_in(&pair.private_pem(), |_, app| scopes(app))).await;
    assert_eq!(tokens(&bench), (2, 2));
    let new = KeyPair::generate(KeyKind::P256);
    bench.okta.add_service_app(ServiceApp::new(CLIENT, new.public_key()));
    let _replaced = source(&bench, &new);
    read(&bench, &one).await;
    assert_eq!((tokens(&bench), refusals(&bench)), ((3, 3), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let (bench, pair) = start(few(), |_| {}).await;
    let source = source(&bench, &pair);
    read(&bench, &source).await;
    advance(Duration::from_secs(3_290)).await;
    read(&bench, &source).await;
    assert_eq!(tokens(&bench), (1, 1));
    advance(Duration::from_secs(20)).await;
    read(&bench, &source).await;
    assert_eq!((tokens(&bench), refusals(&bench)), ((2, 2), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_outlasts_its_token_goes_on_with_another() {
    for dpop in [false, true] {
        let options = Options {
            rate_limits: RateLimits::Integrator,
            access_token_lifetime: Duration::from_secs(150),
            latency: Duration::from_millis(250),
            ..Options { groups: 200, memberships: 1_000, ..options() }
        };
        let (bench, pair) = start(options, |app| app.dpop = dpop).await;
        read(&bench, &source(&bench, &pair)).await;
        let Counts { oauth, .. } = bench.okta.requests();
        assert!(oauth.issued >= 3, "{oauth:?}");
        assert_eq!(oauth.of(Refusal::TokenExpired), 0);
        assert_eq!(bench.okta.requests().too_many(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_in_mid_run_is_renewed_once_and_every_request_is_replayed() {
    for dpop in [false, true] {
        let options = Options { latency: Duration::from_millis(250), ..options() };
        let (bench, pair) = start(options, |app| app.dpop = dpop).await;
        let early = Fault::on(Route::Token).kind(FaultKind::ExpiresEarly(Duration::from_millis(900)));
        // With DPoP the third answer holds the token.
        let early = bench.okta.fault(early.after(if dpop { 2 } else { 0 }).times(1));
        read(&bench, &source(&bench, &pair)).await;
        assert_eq!(bench.okta.met(early), 1);
        let Counts { oauth, .. } = bench.okta.requests();
        // Several were under way with it, and one of them asked for another.
        assert!(oauth.of(Refusal::TokenExpired) > 1, "{oauth:?}");
        assert_eq!((oauth.issued, oauth.replays()), (2, 0), "{oauth:?}");
    }
}

#[tokio::test]
async fn tokens_that_were_revoked_are_replaced() {
    let (bench, pair) = start(few(), |_| {}).await;
    let source = source(&bench, &pair);
    read(&bench, &source).await;
    bench.okta.revoke_access_tokens();
    read(&bench, &source).await;
    assert_eq!((tokens(&bench), refusals(&bench)), ((2, 2), vec![(Refusal::TokenRevoked, 1)]));
}

#[tokio::test]
async fn the_second_401_ends_the_run() {
    let (bench, pair) = start(few(), |_| {}).await;
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(401)));
    let text = refusal(&bench, &source(&bench, &pair)).await;
    assert_eq!((bench.okta.met(fault), tokens(&bench)), (2, (2, 2)));
    let begin =
        format!("{} refused the access token of the service app {CLIENT} with 401 (E0000011", bench.host());
    assert!(text.starts_with(&begin) && text.contains("and then a new one as well"), "{text}");
}

#[tokio::test]
async fn proofs_are_sent_from_the_moment_on_at_which_okta_wants_them() {
    let (bench, pair) = start(options(), |app| app.dpop = true).await;
    let source = source(&bench, &pair);
    read(&bench, &source).await;
    let Counts { oauth, total, .. } = bench.okta.requests();
    // Without a proof, without a nonce, and as it should be.
    assert_eq!((oauth.token_requests, oauth.issued), (3, 1));
    assert_eq!(refusals(&bench), [(Refusal::ProofMissing, 1), (Refusal::ProofNonce, 1)]);
    assert_eq!(oauth.proofs, total - 1, "every other request proves itself, the pages behind the first too");
    bench.okta.revoke_access_tokens();
    read(&bench, &source).await;
    assert_eq!(tokens(&bench), (4, 2), "the nonce is remembered");
}

#[tokio::test]
async fn a_nonce_is_taken_from_every_answer_and_replaced_when_it_is_over() {
    for dpop_resource_nonce in [false, true] {
        let (bench, pair) = start(Options { dpop_resource_nonce, ..options() }, |app| app.dpop = true).await;
        let source = source(&bench, &pair);
        read(&bench, &source).await;
        for (keep_old, refused) in [(true, 0), (false, 1)] {
            bench.okta.reset_counts();
            bench.okta.rotate_dpop_nonce(keep_old);
            bench.okta.revoke_access_tokens();
            read(&bench, &source).await;
            let Counts { oauth, .. } = bench.okta.requests();
            let rounds = if dpop_resource_nonce { 2 * refused } else { refused };
            assert_eq!(oauth.of(Refusal::ProofNonce), rounds, "{oauth:?}");
            assert_eq!((oauth.issued, oauth.token_requests, oauth.replays()), (1, 1 + refused, 0));
        }
    }
}

#[tokio::test]
async fn nothing_that_is_signed_is_sent_twice() {
    for dpop in [false, true] {
        let (bench, pair) = start(options(), |app| app.dpop = dpop).await;
        let faults = [Route::Token, Route::Org, Route::Users, Route::Members]
            .map(|route| bench.okta.fault(Fault::on(route).kind(FaultKind::Status(503)).times(2)));
        read(&bench, &source(&bench, &pair)).await;
        assert_eq!(faults.map(|fault| bench.okta.met(fault)), [2; 4]);
        assert_eq!(bench.okta.requests().oauth.replays(), 0);
    }
}

#[tokio::test]
async fn a_wrong_clock_is_put_right_by_okta() {
    for dpop in [false, true] {
        for (skew, expected) in [
            (7_200, Some(Refusal::Expired)),
            (-7_200, Some(Refusal::TooLong)),
            (-2_400, Some(Refusal::Early)),
            (200, None),
        ] {
            let (bench, pair) = start(Options { clock_skew: skew, ..few() }, |app| app.dpop = dpop).await;
            read(&bench, &source(&bench, &pair)).await;
            let mut seen = refusals(&bench);
            seen.retain(|(why, _)| !matches!(why, Refusal::ProofMissing | Refusal::ProofNonce));
            assert_eq!(seen, expected.map(|why| (why, 1)).into_iter().collect::<Vec<_>>(), "{skew} s");
            bench.okta.reset_counts();
            bench.okta.revoke_access_tokens();
            read(&bench, &source(&bench, &pair)).await;
            assert_eq!(tokens(&bench), (1, 1), "{skew} s: it is known by now");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_in_mid_run_costs_one_renewal() {
    // Back in time a token lives on, and the answers that were under way say what time it is before a proof is refused.
    for (dpop, seconds, issued) in
        [(false, 7_200, 2), (true, 7_200, 2), (false, -7_200, 1), (true, -7_200, 1)]
    {
        let options = Options { latency: Duration::from_millis(250), ..options() };
        let (bench, pair) = start(options, |app| app.dpop = dpop).await;
        let source = source(&bench, &pair);
        let jump = async {
            while bench.okta.requests().of(Route::Users) == 0 {
                sleep(Duration::from_millis(50)).await;
            }
            bench.okta.move_clock(seconds);
        };
        tokio::join!(read(&bench, &source), jump);
        let Counts { oauth, .. } = bench.okta.requests();
        assert_eq!(oauth.of(Refusal::TokenExpired) > 0, seconds > 0, "{dpop} {seconds}: {oauth:?}");
        assert_eq!((oauth.issued, oauth.replays()), (issued, 0), "{dpop} {seconds}: {oauth:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_registered_is_refused_with_one_request_and_advice() {
    let (bench, _) = start(few(), |_| {}).await;
    let text = refusal(&bench, &source(&bench, &KeyPair::generate(KeyKind::P256))).await;
    let begin = format!("{} refused to sign in the service app {CLIENT} (invalid_client: ", bench.host());
    assert!(text.starts_with(&begin), "{text}");
    assert!(text.contains("nothing was changed. Compare with Applications > the app > General"), "{text}");
    assert!(text.contains("the private key in the file /") && !text.contains("clock"), "{text}");
    assert_eq!((bench.okta.requests().total, refusals(&bench)), (1, vec![(Refusal::Signature, 1)]));
}

#[tokio::test]
async fn a_wrong_clock_is_named_where_something_else_is_wrong_too() {
    let (bench, _) = start(Options { clock_skew: 7_200, ..few() }, |_| {}).await;
    let text = refusal(&bench, &source(&bench, &KeyPair::generate(KeyKind::P256))).await;
    assert!(text.contains("(This host's clock is 7200 s behind Okta's; "), "{text}");
    assert_eq!(tokens(&bench).0, 2);
}

#[tokio::test]
async fn a_client_id_of_no_app_is_refused_with_one_request() {
    let (bench, pair) = start(few(), |_| {}).await;
    let other = bench.signing_in(&pair.private_pem(), |_, app| app.client_id = "0oa1other".to_owned());
    let text = refusal(&bench, &other).await;
    assert!(
        text.contains("the service app 0oa1other (invalid_client: Invalid value for the `client_id`"),
        "{text}"
    );
    assert_eq!(bench.okta.requests().total, 1);
}

#[tokio::test]
async fn where_an_app_has_several_keys_the_id_says_which() {
    let (bench, _) = start(few(), |_| {}).await;
    let [one, other] = [KeyPair::generate(KeyKind::P256), KeyPair::generate(KeyKind::P256)];
    let keys = vec![one.public_key(), other.public_key()];
    bench.okta.add_service_app(ServiceApp { keys, ..ServiceApp::new(CLIENT, one.public_key()) });
    let text = refusal(&bench, &source(&bench, &other)).await;
    assert!(text.contains("invalid_client"), "{text}");
    let id = other.kid().to_owned();
    read(&bench, &bench.signing_in(&other.private_pem(), |_, app| app.key_id = Some(id))).await;
    read(&bench, &bench.signing_in(&other.private_jwk().to_string(), |_, _| {})).await;
    let wrong =
        bench.signing_in(&other.private_jwk().to_string(), |_, app| app.key_id = Some("k9".to_owned()));
    let text = refusal(&bench, &wrong).await;
    assert!(text.contains("under the id k9"), "{text}");
    assert_eq!(refusals(&bench), [(Refusal::KeyId, 2)]);
}

#[tokio::test]
async fn a_scope_that_is_not_granted_fails_the_run_and_check_says_which_it_is() {
    let (bench, pair) =
        start(few(), |app| app.granted_scopes.retain(|scope| scope != "okta.groups.read")).await;
    let source = source(&bench, &pair);
    let text = refusal(&bench, &source).await;
    assert!(text.contains("(invalid_scope: "), "{text}");
    assert!(
        text.contains("At least one of okta.groups.read, okta.orgs.read, okta.users.read is not granted"),
        "{text}"
    );
    assert!(text.contains("Okta API Scopes") && text.contains("usersyncd check --online"), "{text}");
    assert_eq!(bench.okta.requests().total, 1);
    let error = source.inspect(&request(), &bench.control).await.unwrap_err();
    let SourceError::Refused(text) = error else { panic!("{error:?}") };
    let expected =
        format!("{} does not grant the service app {CLIENT} the scope okta.groups.read, so", bench.host());
    assert!(text.starts_with(&expected) && text.contains("Okta API Scopes"), "{text}");
    assert_eq!(tokens(&bench).0, 1 + 1 + 3, "the run, all at once, one by one");
}

#[tokio::test]
async fn a_list_for_which_the_scope_was_not_asked_says_so() {
    let (bench, pair) = start(Options { apps: 1, ..few() }, |_| {}).await;
    let app = bench.okta.org().add_app("Jira");
    let source = bench.signing_in(&pair.private_pem(), |settings, _| settings.app = Some(app.clone()));
    let text = refusal(&bench, &source).await;
    assert!(text.contains(&format!("does not let the service app {CLIENT} read the ")), "{text}");
    assert!(
        text.contains("It lacks the scope okta.apps.read: grant it under Applications > the app"),
        "{text}"
    );
    assert_eq!(tokens(&bench), (1, 1), "another token would not help");
}

#[tokio::test]
async fn a_log_for_which_the_scope_was_not_asked_says_so() {
    let (bench, pair) = start(few(), |_| {}).await;
    let source = source(&bench, &pair);
    let mut snapshot = source.read(&request(), &bench.control).await.unwrap();
    let since = Since::Log(LogPlace::Time(snapshot.began.unwrap()));
    let refused = source.read_changes(&mut snapshot, &since, &request(), &bench.control).await;
    let Err(SourceError::Refused(text)) = refused else { panic!("{refused:?}") };
    for part in ["the System Log", "It lacks the scope okta.logs.read: grant it under", "`from: lists`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(tokens(&bench), (1, 1), "another token would not help");
}

#[tokio::test]
async fn an_app_without_a_role_is_said_to_need_one() {
    let (bench, pair) = start(few(), |app| app.role = AppRole::Refused).await;
    let text = refusal(&bench, &source(&bench, &pair)).await;
    assert!(text.contains("403 (E0000006: "), "{text}");
    assert!(text.contains("Admin roles assign Read-only Administrator") && !text.contains("lacks"), "{text}");
    assert_eq!(tokens(&bench), (1, 1));

    let (bench, pair) = start(few(), |app| app.role = AppRole::Empty).await;
    let inspection = source(&bench, &pair).inspect(&request(), &bench.control).await.unwrap();
    let snapshot = &inspection.snapshot;
    assert_eq!((snapshot.users.len(), snapshot.groups.len()), (0, 0));
    assert_eq!((users_proof(snapshot), unproven_groups(snapshot).len()), (None, 0));
}

#[tokio::test]
async fn check_shows_who_signs_in_and_what_is_granted() {
    let (bench, pair) = start(few(), |_| {}).await;
    let source =
        bench.signing_in(&pair.private_pem(), |_, app| app.scopes.push("okta.schemas.read".to_owned()));
    let mut request = request();
    request.attributes = ["profile.costCentre", "profile.login"].map(Into::into).into();
    let inspection = source.inspect(&request, &bench.control).await.unwrap();
    assert_eq!(inspection.principal, Ok(format!("service app {CLIENT}")));
    let requested =
        ["okta.groups.read", "okta.orgs.read", "okta.users.read", "okta.schemas.read"].map(str::to_owned);
    assert_eq!(inspection.scopes, Some(Scopes { requested: requested.into(), missing: Vec::new() }));
    assert!(inspection.roles.unwrap_err().contains("okta.roles.read"), "it was not asked for");
    assert_eq!(inspection.unknown_attributes.unwrap(), ["profile.costCentre"]);
    assert!(!inspection.snapshot.users.is_empty());
    assert_eq!((tokens(&bench), bench.okta.requests().of(Route::Me)), ((1, 1), 0));

    let without = bench.signing_in(&pair.private_pem(), |_, _| {});
    let inspection = without.inspect(&request, &bench.control).await.unwrap();
    assert!(inspection.unknown_attributes.unwrap_err().contains("okta.schemas.read"));
}

#[tokio::test]
async fn what_passes_at_the_token_endpoint_leaves_no_trace() {
    for kind in [
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::TooManyAtOnce,
        FaultKind::Reset,
        FaultKind::Close,
        FaultKind::CutBody,
        FaultKind::HalfJson,
        FaultKind::HtmlPage,
    ] {
        let (bench, pair) = start(few(), |_| {}).await;
        let fault = bench.okta.fault(Fault::on(Route::Token).kind(kind.clone()).times(1));
        read(&bench, &source(&bench, &pair)).await;
        assert_eq!((bench.okta.met(fault), bench.okta.requests().oauth.replays()), (1, 0), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_asked_for_within_the_limits_of_their_endpoint() {
    let (bench, pair) = start(few(), |_| {}).await;
    let fault = bench.okta.fault(Fault::on(Route::Token).kind(FaultKind::Status(429)).times(2));
    let began = Instant::now();
    read(&bench, &source(&bench, &pair)).await;
    assert_eq!((bench.okta.met(fault), bench.okta.requests().oauth.replays()), (2, 0));
    assert!(began.elapsed() > Duration::from_secs(60), "it waited for the next window");
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_token_endpoint_that_make_no_sense_do_not_stall_the_sign_in() {
    let kinds =
        [FaultKind::ZeroLimit, FaultKind::NoRateHeaders, FaultKind::ResetInPast, FaultKind::ResetAhead];
    for kind in kinds {
        // So few that the end of the window is waited for.
        let limits = Limits { token: 4, ..Limits::all(1_000_000) };
        let options = Options { rate_limits: RateLimits::Custom(limits), ..few() };
        let (bench, pair) = start(options, |_| {}).await;
        let fault = bench.okta.fault(Fault::on(Route::Token).kind(kind.clone()));
        let source = source(&bench, &pair);
        let began = Instant::now();
        for _ in 0..4 {
            read(&bench, &source).await;
            bench.okta.revoke_access_tokens();
        }
        // Where the headers show no window, the end of it is met, and the request made again.
        assert!(bench.okta.met(fault) >= 4, "{kind:?}");
        assert_eq!(tokens(&bench).1, 4, "{kind:?}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5 * 60), "{kind:?}: a window is a minute, and this was {took:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_at_the_token_endpoint_is_told_and_nothing_else_is_asked() {
    let gone = "https://portal.example.net/login?u=me";
    let cases = [
        (FaultKind::Status(503), patience(), "no access token could be had: the server answered 503", 5),
        (FaultKind::Stall, impatience(), "no access token could be had: the answer did not come in time", 2),
        (
            FaultKind::HtmlPage,
            patience(),
            "no access token could be had: the answer is not that of Okta's",
            3,
        ),
        (
            FaultKind::Redirect(gone.into()),
            patience(),
            "is a redirect (302 Found) to portal.example.net, which is not",
            1,
        ),
        (
            FaultKind::Status(404),
            patience(),
            "no access token could be had: the answer is 404 Not Found (E0000008",
            1,
        ),
    ];
    for (kind, patience, expected, tries) in cases {
        let (bench, pair) = start_with(few(), patience, |_| {}).await;
        let fault = bench.okta.fault(Fault::on(Route::Token).kind(kind.clone()));
        let error = source(&bench, &pair).read(&request(), &bench.control).await.unwrap_err();
        assert_eq!((bench.okta.met(fault), bench.okta.requests().total), (tries, tries), "{kind:?}");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains("nothing was changed"), "{kind:?}: {text}");
        let is_other = matches!(kind, FaultKind::HtmlPage | FaultKind::Redirect(_) | FaultKind::Status(404));
        assert_eq!(matches!(error, SourceError::NotTheSource(_)), is_other, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_replaced_yet_is_used_to_its_end() {
    let (bench, pair) = start(few(), |_| {}).await;
    let source = source(&bench, &pair);
    read(&bench, &source).await;
    let fault = bench.okta.fault(Fault::on(Route::Token).kind(FaultKind::Status(503)));
    sleep(Duration::from_secs(3_400)).await;
    read(&bench, &source).await;
    assert_eq!(bench.okta.met(fault), 5, "given up, and not tried again by every request");
    bench.okta.clear_faults();
    sleep(Duration::from_secs(31)).await;
    read(&bench, &source).await;
    assert_eq!((tokens(&bench).1, refusals(&bench)), (2, vec![]));
}
