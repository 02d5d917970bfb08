//! Asks a running stand-in for something over its admin interface, so that nobody needs another tool for it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends one request and returns the body of the answer; a refusal is an error with the stand-in's sentence.
pub(crate) async fn ask(url: &str, method: &str, path: &str, body: &str) -> Result<String, String> {
    let address: SocketAddr = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .map_err(|_| format!("{url} is no address of a stand-in; it looks like http://127.0.0.1:8080"))?;
    let failed = |problem: std::io::Error| format!("{url} does not answer: {problem}");
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{url} gave no whole answer"))?;
    if head.split(' ').nth(1) == Some("200") { Ok(body.to_owned()) } else { Err(body.trim().to_owned()) }
}
