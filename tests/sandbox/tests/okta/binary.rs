//! The program: its line, its faults, its end.

use std::process::Stdio;

use sandbox::okta::{KeyKind, KeyPair};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::plain;
use crate::oauth;

fn start(arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg("okta")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_with_its_standard_input() {
    let arguments = [
        "--users",
        "20",
        "--groups",
        "2",
        "--token",
        "secret",
        "--fault",
        "users=503,times=1",
        "--until-stdin-closes",
    ];
    let (mut child, mut lines) = start(&arguments);
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("okta stand-in on ").and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(line.contains(" token=secret org=00o"), "{line}");
    let client = plain();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = client.get(format!("{address}/api/v1/users")).header("Authorization", "SSWS secret");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 200]);
    drop(child.stdin.take());
    assert!(child.wait().await.unwrap().success());
    assert_eq!(lines.next_line().await.unwrap(), None, "one line and no more");
}

#[tokio::test]
async fn a_wrong_fault_is_explained() {
    let (child, _) = start(&["--fault", "users=what"]);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("'what' is no kind of fault"), "{text}");
}

#[tokio::test]
async fn service_apps_are_registered_with_their_keys() {
    let folder = std::env::temp_dir().join(format!("sandbox-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pair = KeyPair::generate(KeyKind::P256);
    let (pem, jwk) = (folder.join("key.pem"), folder.join("key.json"));
    std::fs::write(&pem, pair.public_pem()).unwrap();
    std::fs::write(&jwk, pair.public_jwk().to_string()).unwrap();
    let (one, other) = (format!("0oaOne:{}", pem.display()), format!("0oaTwo:{}:dpop", jwk.display()));
    let (_child, mut lines) = start(&["--service-app", &one, "--service-app", &other]);
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.ends_with(" client=0oaOne client=0oaTwo"), "{line}");
    let address = line.strip_prefix("okta stand-in on ").and_then(|rest| rest.split(' ').next()).unwrap();
    for (client, status) in [("0oaOne", 200), ("0oaTwo", 400), ("0oaThree", 401)] {
        let body = oauth::request_body(&pair, client, address).await;
        let request = plain().post(format!("{address}/oauth2/v1/token")).body(body);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(request.send().await.unwrap().status(), status, "{client}");
    }
    let (child, _) = start(&["--service-app", &format!("0oaOne:{}", folder.join("none").display())]);
    let output = child.wait_with_output().await.unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("was not read"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_explained() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (child, _) = start(&["--listen", &taken.local_addr().unwrap().to_string()]);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot listen on 127.0.0.1"));
}

#[tokio::test]
async fn the_change_command_explains_itself_and_builds_a_demo() {
    let run = async |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sandbox")).arg("change").args(arguments).output().await;
        let output = output.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (_, help) = run(&["--help"]).await;
    for word in ["\"create_app\"", "\"last_login\"", "\"create_group\"", "\"role\"", "mixed"] {
        assert!(help.contains(word), "{word} is not in the help");
    }
    let (_child, mut lines) =
        start(&["--users", "5", "--apps", "1", "--role", "CUSTOM", "--list-owner", "--search-lag", "10"]);
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("okta stand-in on ").and_then(|rest| rest.split(' ').next()).unwrap();
    let change = r#"{"group": "team", "create_group": true, "app": "Jira", "assign_groups": ["team"]}"#;
    let (good, changed) = run(&[address, change]).await;
    assert!(
        good && changed.contains("\"groups_added\":1") && changed.contains("\"assignments_added\":1"),
        "{changed}"
    );
    let (good, _) = run(&[address, r#"{"role": "BOSS"}"#]).await;
    assert!(!good);
}
