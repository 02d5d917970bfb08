//! A plain client, and one that sees every byte.

use std::io;

use reqwest::header::HeaderMap;
use sandbox::okta::Okta;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer that was received to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of a page.
    pub(crate) fn ids(&self) -> Vec<String> {
        let ids = |record: &Value| record["id"].as_str().map(str::to_owned);
        self.json().as_array().unwrap().iter().filter_map(ids).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.header(name).parse().unwrap()
    }

    /// The address of a relation, from header lines that each bear one link.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let ending = format!(">; rel=\"{relation}\"");
        let lines = self.headers.get_all("link").iter().map(|line| line.to_str().unwrap());
        let mut found =
            lines.filter_map(|line| line.strip_prefix('<')?.strip_suffix(&ending).map(str::to_owned));
        let first = found.next();
        assert_eq!(found.next(), None, "one link per relation");
        first
    }

    /// Error code and summary of Okta's error body.
    pub(crate) fn error(&self) -> (String, String) {
        let body = self.json();
        for field in ["errorLink", "errorId"] {
            assert!(body[field].is_string(), "{field} is missing in {body}");
        }
        assert!(body["errorCauses"].is_array());
        (body["errorCode"].as_str().unwrap().to_owned(), body["errorSummary"].as_str().unwrap().to_owned())
    }
}

/// A client that follows nothing and keeps nothing: kept connections come with a timer, to which paused time would jump.
/// It trusts no certificate, since reading the system's takes longer than any test here.
pub(crate) fn plain() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy();
    builder.pool_max_idle_per_host(0).tls_certs_only([]).build().unwrap()
}

/// Asks for a path, or for a whole address, with the accepted token.
pub(crate) async fn get(okta: &Okta, path: &str) -> Answer {
    try_get(okta, path).await.unwrap()
}

/// The same, where a broken connection or body is expected.
pub(crate) async fn try_get(okta: &Okta, path: &str) -> reqwest::Result<Answer> {
    let client = plain();
    let address = if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", okta.url()) };
    let request = client.get(address).header("Authorization", format!("SSWS {}", okta.token()));
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

/// Follows `next` to the end and returns the pages.
pub(crate) async fn walk(okta: &Okta, path: &str) -> Vec<Answer> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(address) = next {
        let page = get(okta, &address).await;
        assert_eq!(page.status, 200, "{address}: {}", String::from_utf8_lossy(&page.body));
        next = page.link("next");
        pages.push(page);
        assert!(pages.len() < 200, "{path} does not end");
    }
    pages
}

/// The ids of all pages.
pub(crate) async fn walk_ids(okta: &Okta, path: &str) -> Vec<String> {
    walk(okta, path).await.iter().flat_map(Answer::ids).collect()
}

/// Sends a request by hand and returns every byte until the connection ends.
pub(crate) async fn raw(okta: &Okta, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(okta.url().trim_start_matches("http://")).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: stand-in\r\nAuthorization: SSWS {}\r\nConnection: close\r\n\r\n",
        okta.token()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
