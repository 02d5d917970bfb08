//! What an error body says, whichever product wrote it.

use serde_json::Value;

/// No sentence needs more.
const LONGEST: usize = 300;

/// The words of an error body, on one line; none if there are none.
///
/// Known forms: SCIM's `detail` (RFC 7644, section 3.12), Atlassian Cloud's `error`, Crowd's `message` with `reason`, Jira's
/// `errorMessages` and `errors`, Confluence's `message`, Bitbucket's `errors` of `message`; and the title of a page of HTML,
/// which proxies and products in maintenance send.
pub(super) fn said(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let words = match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_json(&value),
        Err(_) if text.trim_start().starts_with('<') => of_markup(&text),
        Err(_) => text.to_string(),
    };
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    (!line.is_empty()).then_some(line)
}

fn of_json(value: &Value) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut add = |value: &Value| {
        if let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) {
            words.push(text.to_owned());
        }
    };
    for key in ["detail", "error", "message"] {
        add(&value[key]);
    }
    if value["message"].is_null() && value["detail"].is_null() {
        add(&value["reason"]);
    }
    value["errorMessages"].as_array().into_iter().flatten().for_each(&mut add);
    match &value["errors"] {
        Value::Object(errors) => errors.values().for_each(&mut add),
        Value::Array(errors) => errors.iter().for_each(|error| {
            add(&error["message"]);
            add(error);
        }),
        _ => {}
    }
    add(&value["scimType"]);
    words.join("; ")
}

/// The title of a page, or what an error in XML says.
fn of_markup(text: &str) -> String {
    for tag in ["message", "title", "h1", "reason"] {
        let lower = text.to_ascii_lowercase();
        let inner = lower.find(&format!("<{tag}>")).and_then(|from| {
            let from = from + tag.len() + 2;
            let to = lower.get(from..)?.find(&format!("</{tag}"))?;
            text.get(from..from + to)
        });
        if let Some(inner) = inner.filter(|inner| !inner.trim().is_empty()) {
            return inner
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
        }
    }
    "a page of HTML".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_error_is_read() {
        for (body, expected) in [
            (
                r#"{"schemas":[],"status":"409","scimType":"uniqueness","detail":"taken"}"#,
                "taken; uniqueness",
            ),
            (r#"{"error":"no such directory","traceId":"1"}"#, "no such directory"),
            (r#"{"reason":"USER_NOT_FOUND","message":"User <x> does not exist"}"#, "User <x> does not exist"),
            (r#"{"reason":"INVALID_USER"}"#, "INVALID_USER"),
            (r#"{"errorMessages":["a","b"],"errors":{"username":"c"}}"#, "a; b; c"),
            (r#"{"errors":[{"context":"name","message":"taken","exceptionName":null}]}"#, "taken"),
            (r#"{"statusCode":404,"message":"gone","reason":"Not Found"}"#, "gone"),
            ("<html><head><title>Down for\n maintenance</title></head></html>", "Down for maintenance"),
            ("<error><reason>X</reason><message>a &lt;b&gt;</message></error>", "a <b>"),
            ("<p>", "a page of HTML"),
            ("Client has invalid credentials", "Client has invalid credentials"),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(said(b""), None);
        assert_eq!(said(b"{}"), None);
        assert_eq!(said("x\u{1b}[31m".as_bytes()).as_deref(), Some("x[31m"));
    }
}
