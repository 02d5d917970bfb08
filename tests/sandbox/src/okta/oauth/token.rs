//! The token endpoint: a form is examined, and then a token made.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::clock::whole_milliseconds;
use super::super::query::Query;
use super::super::state::{Ask, Authorization};
use super::jws::encode;
use super::proof::{self, Expected};
use super::refusal::Refusal;
use super::{Authority, Issued};

/// How long a token that is over is remembered as one that was, in milliseconds.
const REMEMBERED: i64 = 24 * 3600 * 1000;

/// A token that may be made.
#[derive(Debug)]
pub(crate) struct Grant {
    app: usize,
    scopes: Vec<String>,
    bound_to: Option<String>,
}

/// A refusal with the text that goes with it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) why: Refusal,
    description: String,
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Self {
        Self { why, description: why.description().to_owned() }
    }
}

impl Refused {
    /// The OAuth error (RFC 6749, section 5.2).
    pub(crate) fn answer(&self) -> Answer {
        oauth_error(self.why.status(), self.why.error(), &self.description)
    }
}

/// An error as the token endpoint writes it.
pub(crate) fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    Answer::json(status, Bytes::from(body.to_string()))
}

/// The form of a token request; none where the body is not one, or has a parameter twice.
pub(crate) fn form(ask: &Ask) -> Option<Query> {
    let kind = ask.content_type.split(';').next().unwrap_or_default().trim();
    let text = std::str::from_utf8(ask.body.as_ref()?).ok()?;
    let form = Query::parse(text);
    (kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !form.repeats()).then_some(form)
}

impl Authority {
    /// What is to become of a token request. What must not come twice is used up by it.
    pub(crate) fn examine(
        &mut self,
        ask: &Ask,
        form: Option<&Query>,
        base: &str,
        now: i64,
    ) -> Result<Grant, Refused> {
        let form = form.ok_or(Refusal::Form)?;
        match form.get("grant_type") {
            Some("client_credentials") => {}
            Some(_) => return Err(Refusal::Grant.into()),
            None => return Err(Refusal::Form.into()),
        }
        if ask.authorization != Authorization::Absent {
            return Err(Refusal::Secret.into());
        }
        let endpoint = format!("{base}/oauth2/v1/token");
        let app = self.authenticate(form, &endpoint, now)?;
        let bound_to = match self.apps[app].dpop || !ask.proofs.is_empty() {
            true => {
                let expected = Expected {
                    method: &ask.method,
                    address: &endpoint,
                    token: None,
                    nonces: Some(&self.nonces),
                };
                Some(proof::check(&ask.proofs, &expected, &mut self.used, now)?)
            }
            false => None,
        };
        let scopes = self.granted(app, form.get("scope").unwrap_or_default())?;
        Ok(Grant { app, scopes, bound_to })
    }

    /// The scopes that are asked for, if every one of them is granted.
    fn granted(&self, app: usize, asked: &str) -> Result<Vec<String>, Refused> {
        let scopes: Vec<String> =
            asked.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        if scopes.is_empty() {
            return Err(Refusal::Scope.into());
        }
        match scopes.iter().find(|scope| !self.apps[app].granted_scopes.contains(scope)) {
            Some(missing) => {
                let description = format!("The scope {missing} is not granted to this client.");
                Err(Refused { why: Refusal::Scope, description })
            }
            None => Ok(scopes),
        }
    }

    /// Makes the token. `promised` is the life that the answer tells, `true_life` how long the token really lasts.
    pub(crate) fn issue(
        &mut self,
        grant: Grant,
        promised: Duration,
        true_life: Duration,
        base: &str,
        now: i64,
    ) -> Answer {
        self.issued.retain(|_, token| token.expires + REMEMBERED > now);
        let token = self.render(&grant, promised, base, now);
        let answer = json!({
            "token_type": if grant.bound_to.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": promised.as_secs(), "access_token": token, "scope": grant.scopes.join(" "),
        });
        let expires = now + whole_milliseconds(true_life);
        let Grant { app, scopes, bound_to } = grant;
        self.issued.insert(token, Issued { app, scopes, bound_to, expires, revoked: false });
        Answer::json(200, Bytes::from(answer.to_string()))
    }

    /// It looks like Okta's, a JWT. To clients it is opaque, and so the signature of this one is chance.
    fn render(&self, grant: &Grant, promised: Duration, base: &str, now: i64) -> String {
        let client = &self.apps[grant.app].client_id;
        let random = |length: usize| -> String { (0..length).map(|_| fastrand::alphanumeric()).collect() };
        let (began, life) = (now.div_euclid(1000), whole_milliseconds(promised).div_euclid(1000));
        let mut claims = json!({
            "ver": 1, "jti": format!("AT.{}", random(43)), "iss": base, "aud": base, "sub": client, "cid": client,
            "iat": began, "exp": began + life, "scp": grant.scopes,
        });
        if let Some(thumbprint) = &grant.bound_to {
            claims["cnf"] = json!({ "jkt": thumbprint });
        }
        let part = |value: Value| encode(value.to_string().as_bytes());
        let header = part(json!({ "kid": "stand-in", "alg": "RS256" }));
        format!("{header}.{}.{}", part(claims), random(342))
    }
}
