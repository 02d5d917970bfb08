//! A plain client that says exactly what it is told to.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use sandbox::product::{Product, StandIn};
use serde_json::Value;

/// An answer that was received to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} is no JSON", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A client of one stand-in: it follows nothing, retries nothing, and signs in as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    sign_in: SignIn,
}

/// How a client signs in.
#[derive(Clone, Debug)]
pub(crate) enum SignIn {
    Basic(&'static str, &'static str),
    Bearer(&'static str),
    Nobody,
}

impl Client {
    /// Signs in as the stand-ins expect by default; `root` is the path of the API.
    pub(crate) fn new<P: Product>(stand_in: &StandIn<P>, root: &str) -> Self {
        // It trusts no certificate, since reading the system's takes longer than any test here.
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = builder.tls_certs_only([]).build().unwrap();
        let sign_in = SignIn::Basic("usersyncd", "secret-password");
        Self { http, base: format!("{}{root}", stand_in.url()), sign_in }
    }

    /// The same, signing in otherwise.
    pub(crate) fn signing_in(&self, sign_in: SignIn) -> Self {
        Self { sign_in, ..self.clone() }
    }

    /// The same, below another path of the stand-in.
    pub(crate) fn below(&self, root: &str) -> Self {
        let origin = self.base.split('/').take(3).collect::<Vec<_>>().join("/");
        Self { base: format!("{origin}{root}"), ..self.clone() }
    }

    /// A request to be changed before it is sent.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        match self.sign_in {
            SignIn::Basic(user, password) => request.basic_auth(user, Some(password)),
            SignIn::Bearer(token) => request.bearer_auth(token),
            SignIn::Nobody => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        receive(self.request("GET", path)).await
    }

    /// Sends no body, but calls it JSON, as the XSRF check wants it.
    pub(crate) async fn send(&self, method: &str, path: &str) -> Answer {
        receive(self.request(method, path).header("content-type", "application/json")).await
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        receive(request.body(body.to_string())).await
    }
}

/// Sends a request and receives the answer to its end.
pub(crate) async fn receive(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}
