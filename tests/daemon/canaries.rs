//! Secrets of known value go through every way in which a run can fail, against servers that repeat in their answers whatever they
//! were asked with; then everything that the daemon writes, says or keeps is searched for them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use sandbox::okta::{KeyKind, KeyPair};
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::Site;

/// In every secret that a person wrote, and nowhere else.
const CANARY: &str = "k4n4ry";

/// A server that refuses everything and says in full what it was asked.
struct Mirror {
    server: MockServer,
    status: Arc<AtomicU16>,
    /// What was sent to prove who asks.
    proofs: Arc<Mutex<BTreeSet<String>>>,
    _runtime: Runtime,
}

impl Mirror {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (status, proofs) = (Arc::new(AtomicU16::new(401)), Arc::<Mutex<BTreeSet<String>>>::default());
        let (answer, seen) = (Arc::clone(&status), Arc::clone(&proofs));
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            let repeat = move |request: &Request| repeated(request, answer.load(Ordering::SeqCst), &seen);
            Mock::given(any()).respond_with(repeat).mount(&server).await;
            server
        });
        Self { server, status, proofs, _runtime: runtime }
    }
}

/// An error in the words of all products at once, and every one of them is the request.
fn repeated(request: &Request, status: u16, proofs: &Mutex<BTreeSet<String>>) -> ResponseTemplate {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let mut text = format!("{} {}\n{body}\n", request.method, request.url);
    let mut proofs = proofs.lock().unwrap();
    for (name, value) in &request.headers {
        let value = value.to_str().unwrap();
        text.push_str(&format!("{name}: {value}\n"));
        // As pages and addresses write it.
        for escaped in escaped(value) {
            text.push_str(&format!("{name}: {escaped}\n"));
        }
        if matches!(name.as_str(), "authorization" | "dpop") {
            proofs.insert(value.rsplit(' ').next().unwrap().to_owned());
        }
    }
    proofs.extend(body.split('&').find_map(|pair| pair.strip_prefix("client_assertion=")).map(str::to_owned));
    let said = serde_json::json!({
        "errorCode": "E0000011", "errorSummary": text, "errorCauses": [{ "errorSummary": text }],
        "error": text, "error_description": text, "detail": text, "message": text, "reason": text,
        "errorMessages": [text], "errors": [{ "message": text }],
    });
    match status {
        // A page in place of the answer.
        200 => ResponseTemplate::new(200).set_body_raw(format!("<html><title>{text}</title>"), "text/html"),
        _ => ResponseTemplate::new(status).set_body_json(said),
    }
}

/// How encoders write what is not a letter or a digit.
fn escaped(value: &str) -> [String; 2] {
    [value.replace('=', "&#61;"), value.replace('-', "%2D").replace('=', "%3d")]
}

fn secret(path: &Path, contents: &str) {
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// All files below a directory, as they are on the disk.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(&entry.path()));
        } else if entry.file_type().unwrap().is_file() {
            all.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
    all
}

#[test]
fn no_secret_is_in_anything_that_is_written_said_or_kept() {
    let mirror = Mirror::new();
    let url = mirror.server.uri();
    let site = Site::new();
    let key = KeyPair::generate(KeyKind::P256);
    secret(&site.path("canary"), &format!("{CANARY}-token\n"));
    secret(&site.path("key"), &key.private_pem());
    secret(&site.path("hook"), &format!("{url}/{CANARY}-hook"));
    secret(&site.path("sign"), &format!("{CANARY}-sign"));
    let told = site.path("told");
    site.settings(&format!(
        "log: {{ level: trace }}\nnotify:\n  on: [failed, held, recovered, first_success]\n  webhook: {{ url: {{ file: {} }}, key: {{ file: {} }}, timeout: 1s }}\n  \
         command: [/bin/sh, -c, 'cat >>\"$0\"', {}]\n",
        site.path("hook").display(),
        site.path("sign").display(),
        told.display()
    ));
    let settings = fs::read_to_string(site.path("usersyncd.yaml")).unwrap();
    fs::write(site.path("usersyncd.yaml"), settings.replace("page: on", "page: full")).unwrap();

    let canary = format!("{{ file: {} }}", site.path("canary").display());
    let from_mirror = |auth: &str| format!("source:\n  okta:\n    url: {url}\n    auth: {{ {auth} }}\n");
    let to_mirror = |target: &str| site.connector(&format!("target: {{ {target} }}\n"));
    let key_file = site.path("key");
    let connectors = [
        ("api-token", from_mirror(&format!("api_token: {canary}"))),
        (
            "service-app",
            from_mirror(&format!(
                "service_app: {{ client_id: 0oa1service, private_key: {{ file: {} }} }}",
                key_file.display()
            )),
        ),
        ("scim", to_mirror(&format!("scim: {{ url: {url}/scim/v2, token: {canary} }}"))),
        (
            "cloud",
            to_mirror(&format!("atlassian_cloud: {{ url: {url}, directory: \"1234\", token: {canary} }}")),
        ),
        (
            "crowd",
            to_mirror(&format!("crowd: {{ url: {url}/crowd, application: usersyncd, password: {canary} }}")),
        ),
        ("jira", to_mirror(&format!("jira: {{ url: {url}, token: {canary} }}"))),
        (
            "jira-basic",
            to_mirror(&format!("jira: {{ url: {url}, username: usersyncd, password: {canary} }}")),
        ),
        ("confluence", to_mirror(&format!("confluence: {{ url: {url}, token: {canary} }}"))),
        (
            "bitbucket",
            to_mirror(&format!("bitbucket: {{ url: {url}, username: usersyncd, password: {canary} }}")),
        ),
    ];
    for (name, file) in &connectors {
        site.write(name, file);
    }
    let mut daemon = site.start();
    let mut written: Vec<(String, Vec<u8>)> = Vec::new();
    for status in [401, 403, 400, 404, 200] {
        mirror.status.store(status, Ordering::SeqCst);
        for (name, _) in &connectors {
            let report = daemon.sync(name);
            assert_eq!(report["outcome"], "failed", "{name}: the mirror refuses everything: {report}");
            written.push((format!("report of {name}, {status}"), report.to_string().into_bytes()));
            // These ask source and target too, and say what they were told.
            let asking =
                if matches!(status, 401 | 403) { &["doctor", "plan", "relink", "rebind"][..] } else { &[] };
            for command in asking {
                let (code, data, messages) = site.ctl(&[command, name]);
                // Where the org answers, a rebind asks nobody else and shows what it would do.
                let shown = *command == "rebind" && code == 4;
                assert!(code == 1 || shown, "{command} {name}, {status} ended with {code}: {data}{messages}");
                written
                    .push((format!("{command} {name}, {status}"), format!("{data}{messages}").into_bytes()));
            }
        }
    }
    // A secret that is no secret any more: two lines, and a key that is none.
    secret(&site.path("canary"), &format!("{CANARY}\n{CANARY}-second\n"));
    secret(&site.path("key"), &format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"));
    for (name, _) in &connectors {
        written.push((format!("report of {name}, unusable"), daemon.sync(name).to_string().into_bytes()));
    }
    for path in ["/v1/status", "/v1/runs?limit=1000", "/v1/holds?all=true", "/v1/plans"] {
        written.push((path.to_owned(), daemon.get(path).to_string().into_bytes()));
    }
    for (name, _) in &connectors {
        let path = format!("/v1/connectors/{name}/configuration");
        written.push((path.clone(), daemon.get(&path).to_string().into_bytes()));
        let (_, explained) = daemon.ask(&format!("POST /v1/connectors/{name}/explain"), r#"{"login":"eve"}"#);
        written.push((format!("explain {name}"), explained.to_string().into_bytes()));
    }
    for path in ["/metrics", "/"] {
        let (status, body) = daemon.fetch(path);
        assert_eq!(status, 200, "{path}");
        written.push((path.to_owned(), body.into_bytes()));
    }
    let mut commands: Vec<Vec<&str>> = vec![vec!["status"], vec!["list"], vec!["history", "--limit", "200"]];
    commands.extend(["1", "2", "5"].map(|run| vec!["run", run]));
    commands.extend(["1", "2", "5"].map(|run| vec!["run", run, "--html", "-"]));
    commands.extend(connectors.iter().map(|(name, _)| vec!["status", name]));
    for command in &commands {
        let (_, data, messages) = site.ctl(command);
        written.push((command.join(" "), format!("{data}{messages}").into_bytes()));
    }
    let backup = site.path("backup.tar");
    let (code, _, messages) = site.ctl(&["backup", backup.to_str().unwrap()]);
    assert_eq!(code, 0, "{messages}");
    written.push(("backup".to_owned(), fs::read(&backup).unwrap()));
    let (_, data, messages) = site.check(&["--online"]);
    written.push(("check --online".to_owned(), format!("{data}{messages}").into_bytes()));
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.ended().success(), "{}", daemon.log());
    written.push(("log".to_owned(), daemon.log().into_bytes()));
    written.push(("what the command was told".to_owned(), fs::read(&told).unwrap()));
    written.extend(files(&site.path("state")));

    let proofs = mirror.proofs.lock().unwrap().clone();
    assert!(proofs.iter().any(|proof| proof.contains(CANARY)), "the tokens were sent: {proofs:?}");
    assert!(proofs.iter().any(|proof| proof.starts_with("eyJ")), "the app proved who it is: {proofs:?}");
    let pem = key.private_pem();
    let of_the_key = pem.lines().nth(1).unwrap().to_owned();
    let basic = STANDARD.encode(format!("usersyncd:{CANARY}-token"));
    assert!(proofs.contains(&basic), "the passwords were sent: {proofs:?}");
    let mut wanted: Vec<String> = proofs.into_iter().collect();
    wanted.extend([CANARY.to_owned(), of_the_key, basic]);
    wanted.extend(wanted.clone().iter().flat_map(|secret| escaped(secret)));
    for (place, bytes) in &written {
        let text = String::from_utf8_lossy(bytes);
        for secret in &wanted {
            assert!(!text.contains(secret.as_str()), "{secret} is in {place}: {}", around(&text, secret));
        }
    }
    assert!(written.len() > 80, "{} places were looked at", written.len());
}

/// Where a secret was found.
fn around(text: &str, secret: &str) -> String {
    let at = text.find(secret).unwrap();
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}
