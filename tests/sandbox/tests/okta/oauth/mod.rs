//! Service apps: how they get access tokens, and what those are good for.

mod access;
mod assertions;
mod dpop_calls;
mod dpop_tokens;
mod operation;

use std::cell::Cell;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sandbox::okta::{KeyKind, KeyPair, Okta, Options, Refusal, ServiceApp};
use serde_json::{Value, json};

use crate::client::{Answer, plain};

pub(crate) const CLIENT: &str = "0oa1standInApp0000d7";
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(crate) const USERS: &str = "okta.users.read";

/// An org, and an app that knows the private half of the key it registered there.
pub(crate) struct Party {
    pub(crate) okta: Okta,
    pub(crate) pair: KeyPair,
    ids: Cell<u32>,
}

impl Party {
    /// An app that is shown `Bearer` tokens.
    pub(crate) async fn start(options: Options) -> Self {
        let party = Self {
            okta: Okta::start(options).await.unwrap(),
            pair: KeyPair::generate(KeyKind::P256),
            ids: Cell::new(0),
        };
        party.okta.add_service_app(party.app());
        party
    }

    /// One that has to prove its key.
    pub(crate) async fn with_dpop(options: Options) -> Self {
        let party = Self::start(options).await;
        party.okta.add_service_app(ServiceApp { dpop: true, ..party.app() });
        party
    }

    /// The app as it was registered.
    pub(crate) fn app(&self) -> ServiceApp {
        ServiceApp::new(CLIENT, self.pair.public_key())
    }

    /// The stand-in's clock, in seconds.
    pub(crate) async fn now(&self) -> i64 {
        now(self.okta.url()).await
    }

    /// An id that no JWT of this party had.
    pub(crate) fn fresh_id(&self) -> String {
        self.ids.set(self.ids.get() + 1);
        format!("id-{}", self.ids.get())
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}/oauth2/v1/token", self.okta.url())
    }

    /// The claims of an assertion that is right.
    pub(crate) async fn claims(&self) -> Value {
        let now = self.now().await;
        json!({
            "iss": CLIENT, "sub": CLIENT, "aud": self.endpoint(), "iat": now, "exp": now + 300, "jti": self.fresh_id(),
        })
    }

    /// The header of an assertion that is right.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.pair.kid() })
    }

    pub(crate) async fn assertion(&self) -> String {
        sign(&self.pair, &self.header(), &self.claims().await)
    }

    /// Asks with this assertion, and with `DPoP` headers.
    pub(crate) async fn ask_with(&self, assertion: &str, scope: &str, proofs: &[String]) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        post(&self.okta, &form, proofs).await
    }

    /// Asks for these scopes in the right way.
    pub(crate) async fn ask(&self, scope: &str) -> Answer {
        self.ask_with(&self.assertion().await, scope, &[]).await
    }

    /// A `Bearer` token for these scopes.
    pub(crate) async fn token(&self, scope: &str) -> String {
        access_token(&self.ask(scope).await)
    }

    /// How often something was refused for this reason.
    pub(crate) fn refused(&self, why: Refusal) -> u64 {
        self.okta.requests().oauth.of(why)
    }
}

/// The clock of the stand-in at an address, in seconds.
async fn now(url: &str) -> i64 {
    let answer = plain().get(format!("{url}/api/v1/org")).send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    chrono::DateTime::parse_from_rfc2822(date).unwrap().timestamp()
}

/// The form of a token request that is right.
pub(crate) async fn request_body(pair: &KeyPair, client: &str, url: &str) -> String {
    let claims = json!({
        "iss": client, "sub": client, "aud": format!("{url}/oauth2/v1/token"), "exp": now(url).await + 300,
    });
    let assertion = sign(pair, &json!({ "alg": "ES256", "kid": pair.kid() }), &claims);
    format!(
        "grant_type=client_credentials&scope={USERS}&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
    )
}

/// The access token of an answer that is good.
pub(crate) fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// Error and description of an OAuth error.
pub(crate) fn oauth_error(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    (answer.status, text("error"), text("error_description"))
}

pub(crate) async fn post(okta: &Okta, form: &[(&str, &str)], proofs: &[String]) -> Answer {
    let pairs: Vec<String> =
        form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
    let mut request = plain()
        .post(format!("{}/oauth2/v1/token", okta.url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(pairs.join("&"));
    for proof in proofs {
        request = request.header("DPoP", proof);
    }
    receive(request).await
}

/// Calls an endpoint with `Authorization` and `DPoP` headers.
pub(crate) async fn call(okta: &Okta, path: &str, authorization: &str, proofs: &[String]) -> Answer {
    let mut request = plain().get(format!("{}{path}", okta.url())).header("Authorization", authorization);
    for proof in proofs {
        request = request.header("DPoP", proof);
    }
    receive(request).await
}

pub(crate) async fn receive(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

/// Signs a JWT with the algorithm that its header names.
pub(crate) fn sign(pair: &KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = signature(pair, header["alg"].as_str().unwrap_or_default(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn signature(pair: &KeyPair, algorithm: &str, message: &[u8]) -> Vec<u8> {
    let rsa = match algorithm {
        "RS256" => &RSA_PKCS1_SHA256,
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        _ => {
            let curve = match algorithm {
                "ES384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
                "ES512" => &ECDSA_P521_SHA512_FIXED_SIGNING,
                _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
            };
            let key = EcdsaKeyPair::from_pkcs8(curve, pair.private_der()).unwrap();
            return key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        }
    };
    let key = RsaKeyPair::from_pkcs8(pair.private_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(rsa, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// A DPoP proof of this key; `null` in `change` takes a member away.
pub(crate) fn proof(pair: &KeyPair, claims: &Value, change_header: &Value) -> String {
    let mut jwk = pair.public_jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    let header = with(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }), change_header);
    sign(pair, &header, claims)
}

/// An object with some members set anew, or taken away by `null`.
pub(crate) fn with(object: &Value, change: &Value) -> Value {
    let mut changed = object.clone();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
            value => changed[name] = value.clone(),
        }
    }
    changed
}

/// The claim `ath` of a proof that comes with this token.
pub(crate) fn token_digest(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}
