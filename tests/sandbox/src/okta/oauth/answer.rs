//! How the stand-in answers token requests, and how it receives calls with access tokens.

use super::super::answer::Answer;
use super::super::fault::{FaultKind, Met};
use super::super::limits::{Admission, Bucket, Principal};
use super::super::state::{Ask, State, common_headers};
use super::access::{Caller, refusal_answer};
use super::refusal::Refusal;
use super::token::{Grant, Refused, form, oauth_error};

impl State {
    /// `POST /oauth2/v1/token`.
    ///
    /// The request is looked at before limits and faults have their say: what it brought once (`jti`) is used up, whatever
    /// it is answered. It counts against the share of the app that it claims to be from, which nothing published settles;
    /// what names no app is shown the org's window, uncounted.
    pub(crate) fn answer_token(&mut self, ask: &Ask, now: i64) -> Answer {
        let seen = self.limiter.glance(Bucket::Token, now);
        if ask.method != "POST" {
            let mut answer = Answer::of_status(405);
            answer.rate_headers(&seen);
            return answer;
        }
        self.book.counts.oauth.token_requests += 1;
        self.book.counts.oauth.proofs += ask.proofs.len() as u64;
        let form = form(ask);
        let verdict = self.authority.examine(ask, form.as_ref(), &self.base, now);
        let admission = match form.and_then(|form| self.authority.claimed(&form)) {
            Some(app) => match self.pass(Bucket::Token, Principal::App(app), ask, now) {
                Ok(admission) => admission,
                Err(refused) => return refused,
            },
            None => seen,
        };
        let met = self.faults.select(super::super::Route::Token, &ask.path, &ask.path);
        if let Some(answer) = self.replaced_answer(ask, &met, &admission, now) {
            return answer;
        }
        let mut delivered = vec![false; met.len()];
        let answer = match verdict {
            Ok(grant) => self.grant(grant, ask, &met, &mut delivered, now),
            Err(refused) => self.refuse(&refused, now),
        };
        self.finish(answer, &met, &mut delivered, &admission, now)
    }

    fn grant(&mut self, grant: Grant, ask: &Ask, met: &[Met], delivered: &mut [bool], now: i64) -> Answer {
        self.book.counts.oauth.issued += 1;
        let promised = self.options.access_token_lifetime;
        let mut true_life = promised;
        for (fault, delivered) in met.iter().zip(delivered) {
            if let FaultKind::ExpiresEarly(life) = fault.kind {
                true_life = true_life.min(life);
                *delivered = true;
            }
        }
        let mut answer = self.authority.issue(grant, promised, true_life, &self.base, now);
        if !ask.proofs.is_empty() {
            answer.header("dpop-nonce", self.authority.nonce(now));
        }
        answer
    }

    fn refuse(&mut self, refused: &Refused, now: i64) -> Answer {
        self.book.counts.oauth.refused(refused.why);
        let mut answer = refused.answer();
        if refused.why == Refusal::ProofNonce {
            answer.header("dpop-nonce", self.authority.nonce(now));
        }
        answer
    }

    /// Whether a call may be served, as far as its proof goes. A proof is used up by arriving, whatever is answered then.
    pub(crate) fn check_proof(&mut self, ask: &Ask, caller: &Caller, now: i64) -> Result<(), Refusal> {
        self.book.counts.oauth.proofs += ask.proofs.len() as u64;
        let wants_nonce = self.options.dpop_resource_nonce;
        self.authority.check_proof(ask, caller, &self.base, wants_nonce, now)
    }

    /// Refuses a call with an access token.
    pub(crate) fn refuse_call(&mut self, why: Refusal, ask: &Ask, admission: &Admission, now: i64) -> Answer {
        self.book.counts.oauth.refused(why);
        let mut answer = refusal_answer(why, ask, &self.base);
        if why == Refusal::ProofNonce {
            answer.header("dpop-nonce", self.authority.resource_nonce(now));
        }
        answer.rate_headers(admission);
        answer.headers.extend(common_headers(answer.status, self.book.counts.total));
        answer
    }
}

/// What the token endpoint says where a fault wants a status; others look as everywhere.
pub(crate) fn of_status(status: u16) -> Answer {
    match status {
        400 => oauth_error(400, "invalid_request", "The request was not accepted."),
        401 => Refused::from(Refusal::NoCredentials).answer(),
        // Recorded of orgs whose network zones exclude the client.
        403 => oauth_error(403, "access_denied", "Policy evaluation failed for this request."),
        other => Answer::of_status(other),
    }
}
