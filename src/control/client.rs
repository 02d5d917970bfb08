//! The command line's end of the control socket.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::api::{ErrorBody, ErrorKind, RunEvent};

/// The longest answer, or line of a streamed answer, that is taken in, in bytes. A plan of a first sync of 100,000
/// users with their memberships is one line of some 100 MB.
const LONGEST_ANSWER: usize = 512 * 1024 * 1024;
/// How long it may take until an answer begins that then takes as long as it takes. Longer, and nobody is there who answers: the
/// socket is systemd's, and takes connections while the daemon is started again and again.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);
/// The same for what is done whole before it is answered: a state that is copied, an org and a target that are read.
const LONGEST_WORK: Duration = Duration::from_secs(3600);
/// How long an answer that is not streamed may take. `rebind` asks the source, with its patience for retries.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Why a request was not answered as hoped. The texts are whole sentences.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// The caller may not open the socket, or may not do this.
    #[error("{0}")]
    NotPermitted(String),
    /// The daemon said no.
    #[error("{message}")]
    Refused {
        /// What for programs.
        kind: ErrorKind,
        /// Why, and what to do.
        message: String,
    },
    /// The daemon went away in the middle of an answer.
    #[error("{0}")]
    Lost(String),
    /// The answer is not one that this version understands.
    #[error("{0}")]
    Garbled(String),
}

/// A connection to the daemon. One per command.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    socket: PathBuf,
    longest: usize,
}

impl Client {
    /// A client for the socket at that path, which is opened with the first request.
    pub fn new(socket: &Path) -> Result<Self, ClientError> {
        let failed = |error: String| {
            ClientError::Garbled(format!(
                "the connection to the daemon could not be set up: {error}; nothing was asked. Look at the limits of this host \
                 (`ulimit -a`), and try again"
            ))
        };
        let http = reqwest::Client::builder()
            .unix_socket(socket)
            // No TLS here: a host without root certificates can use its socket all the same.
            .tls_certs_only(std::iter::empty::<Certificate>())
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let base = Url::parse("http://localhost/").map_err(|error| failed(error.to_string()))?;
        Ok(Self { http, base, socket: socket.to_owned(), longest: LONGEST_ANSWER })
    }

    /// GET of the path with those segments (`["v1", "connectors", name]`) and that query.
    pub async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let mut url = self.url(segments)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.answer(self.http.get(url), LONGEST_WAIT).await
    }

    /// Sends a request without a body that changes something.
    pub async fn post<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, ClientError> {
        self.answer(self.http.post(self.url(segments)?), LONGEST_WAIT).await
    }

    /// Sends `body` as JSON.
    pub async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
    ) -> Result<T, ClientError> {
        self.answer(self.with_body(method, segments, body)?, LONGEST_WAIT).await
    }

    /// The same, for what reads a whole org and its target first.
    pub async fn send_patiently<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
    ) -> Result<T, ClientError> {
        self.answer(self.with_body(method, segments, body)?, LONGEST_WORK).await
    }

    /// Sends `body` as JSON, or nothing, and returns the events of the answer as they come, without a time limit.
    pub async fn stream<B: Serialize>(
        &self,
        segments: &[&str],
        body: Option<&B>,
    ) -> Result<Events, ClientError> {
        let request = match body {
            Some(body) => self.with_body(Method::POST, segments, body)?,
            None => self.http.post(self.url(segments)?),
        };
        let response = self.begin(request, LONGEST_SILENCE).await?;
        Ok(Events { response, buffer: Vec::new(), searched: 0, longest: self.longest })
    }

    /// Has something done whose answer is a file, and returns that as it comes, without a time limit.
    pub async fn download(&self, segments: &[&str]) -> Result<Download, ClientError> {
        let response = self.begin(self.http.post(self.url(segments)?), LONGEST_WORK).await?;
        Ok(Download { missing: response.content_length().unwrap_or_default(), response })
    }

    fn with_body<B: Serialize>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            ClientError::Garbled(format!(
                "the request could not be written: {error}; nothing was asked. Report it as a fault"
            ))
        })?;
        Ok(self.http.request(method, self.url(segments)?).header(CONTENT_TYPE, "application/json").body(body))
    }

    fn url(&self, segments: &[&str]) -> Result<Url, ClientError> {
        // These would name another path, whatever their encoding.
        if let Some(name) = segments.iter().find(|name| matches!(**name, "" | "." | "..")) {
            let message = format!(
                "nothing can be called {name:?}; nothing was asked. `usersyncd ctl list` shows the connectors"
            );
            return Err(ClientError::Refused { kind: ErrorKind::NotFound, message });
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        Ok(url)
    }

    /// The whole answer, within that time.
    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        longest: Duration,
    ) -> Result<T, ClientError> {
        let body = self.within(longest, async {
            let mut response = self.respond(request).await?;
            self.body(&mut response).await
        });
        serde_json::from_slice(&body.await?).map_err(|error| not_understood(&error))
    }

    /// The response, if it is a success and begins in time.
    async fn begin(
        &self,
        request: reqwest::RequestBuilder,
        longest: Duration,
    ) -> Result<Response, ClientError> {
        self.within(longest, self.respond(request)).await
    }

    /// What comes of it, or that it took too long.
    async fn within<T>(
        &self,
        longest: Duration,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout(longest, work).await.unwrap_or_else(|_| Err(self.too_late(longest)))
    }

    /// The response, if it is a success.
    async fn respond(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let mut response = request.send().await.map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(&mut response).await?;
        let refusal = serde_json::from_slice::<ErrorBody>(&body);
        Err(match refusal {
            Ok(ErrorBody { error: ErrorKind::NotPermitted, message, .. }) => {
                ClientError::NotPermitted(message)
            }
            Ok(ErrorBody { error: ErrorKind::Unavailable, message, .. }) => {
                ClientError::Unreachable(message)
            }
            Ok(ErrorBody { error: kind, message, .. }) => ClientError::Refused { kind, message },
            Err(_) if status == StatusCode::FORBIDDEN => {
                ClientError::NotPermitted(
                    "the daemon does not permit this; nothing was done. Use sudo, or be a member of the group that \
                     control.group in usersyncd.yaml names (by default `usersyncd`)"
                        .to_owned(),
                )
            }
            Err(_) => ClientError::Garbled(format!(
                "the daemon answered {status} without saying why ({}); see whether it is usersyncd that listens on {}",
                String::from_utf8_lossy(&body).chars().take(200).collect::<String>(),
                self.socket.display()
            )),
        })
    }

    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if body.len() + chunk.len() > self.longest {
                return Err(too_long(self.longest));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn no_answer(&self, error: &reqwest::Error) -> ClientError {
        let cause = cause(error);
        match io_error(error).filter(|_| error.is_connect()) {
            Some(error) => not_connected(&self.socket, error.kind(), &cause),
            None => lost(&cause),
        }
    }

    fn too_late(&self, longest: Duration) -> ClientError {
        ClientError::Unreachable(format!(
            "the daemon did not answer on {} within {} s; what it was asked for may still be done. Look at \
             `systemctl status usersyncd` and `usersyncd ctl history`",
            self.socket.display(),
            longest.as_secs()
        ))
    }
}

/// Why the socket could not be opened.
fn not_connected(socket: &Path, kind: io::ErrorKind, cause: &str) -> ClientError {
    let socket = socket.display();
    if kind == io::ErrorKind::PermissionDenied {
        return ClientError::NotPermitted(format!(
            "you may not open {socket}: only root, the daemon's own user and the members of its group may \
             (control.group in usersyncd.yaml, by default `usersyncd`); use sudo, or have yourself added with \
             `sudo usermod -aG usersyncd USER` and sign in again"
        ));
    }
    ClientError::Unreachable(format!(
        "the daemon is not reachable on {socket}: {cause}; see whether it runs with `systemctl status usersyncd`, or \
         name its socket with --socket or USERSYNCD_SOCKET"
    ))
}

/// A file, as it comes.
#[derive(Debug)]
pub struct Download {
    response: Response,
    missing: u64,
}

impl Download {
    /// The next part; none when all of it is there. A file that ends early is an error.
    pub async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, ClientError> {
        match self.response.chunk().await {
            Ok(Some(part)) => {
                self.missing = self.missing.saturating_sub(part.len() as u64);
                Ok(Some(part))
            }
            Ok(None) if self.missing > 0 => Err(lost(&format!("{} bytes are missing", self.missing))),
            Ok(None) => Ok(None),
            Err(error) => Err(lost(&cause(&error))),
        }
    }
}

/// The events of a run, as they come.
#[derive(Debug)]
pub struct Events {
    response: Response,
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no line feed.
    searched: usize,
    longest: usize,
}

impl Events {
    /// The next event; none when the answer has ended.
    pub async fn next(&mut self) -> Result<Option<RunEvent>, ClientError> {
        loop {
            if let Some(line) = self.line() {
                return serde_json::from_slice(&line).map(Some).map_err(|error| not_understood(&error));
            }
            if self.buffer.len() > self.longest {
                return Err(too_long(self.longest));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) if self.buffer.is_empty() => return Ok(None),
                // The last line may do without a line feed; one that is cut is no JSON.
                Ok(None) => {
                    let last = std::mem::take(&mut self.buffer);
                    return serde_json::from_slice(&last).map(Some).map_err(|_| lost("the last line is cut"));
                }
                Err(error) => return Err(lost(&cause(&error))),
            }
        }
    }

    /// Takes the next line that is not empty out of the buffer, if it is there as a whole.
    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            let found =
                self.buffer.get(self.searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            let Some(found) = found else {
                self.searched = self.buffer.len();
                return None;
            };
            let rest = self.buffer.split_off(self.searched + found + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            self.searched = 0;
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
    }
}

fn too_long(longest: usize) -> ClientError {
    ClientError::Garbled(format!(
        "the daemon's answer is longer than {longest} bytes and was not read further; whatever it was about goes on. See what \
         became of it with `usersyncd ctl status` and `usersyncd ctl history`"
    ))
}

fn lost(cause: &str) -> ClientError {
    ClientError::Lost(format!(
        "the connection to the daemon ended before its answer did ({cause}); see what became of it with `usersyncd ctl \
         status` and `systemctl status usersyncd`"
    ))
}

fn not_understood(error: &serde_json::Error) -> ClientError {
    ClientError::Garbled(format!(
        "the daemon's answer is not understood ({error}): it may be of another version than this command. Restart it \
         after an upgrade (`systemctl restart usersyncd`)"
    ))
}

/// The innermost error, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
