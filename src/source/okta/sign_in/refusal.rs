//! What to say when Okta refuses to sign a service app in.

use url::Url;

use super::endpoint::Refused;
use crate::config::model::ServiceApp;
use crate::http::host_and_port;
use crate::source::okta::refusal::place;

/// Whether a refusal is about what was asked for, not about who asked.
pub(super) fn is_about_scopes(refused: &Refused) -> bool {
    refused.error == "invalid_scope"
}

/// A whole sentence. `clock` is what is wrong with this host's, if anything is.
pub(super) fn refused(origin: &Url, app: &ServiceApp, refused: &Refused, clock: Option<String>) -> String {
    let (host, id) = (host_and_port(origin), &app.client_id);
    let clock = clock.map_or_else(String::new, |clock| {
        format!(" (This host's clock is {clock}; it was signed by Okta's time, so that is not why.)")
    });
    format!(
        "{host} refused to sign in the service app {id} ({}); nothing was changed.{clock} {}",
        refused.line(),
        advice(app, refused)
    )
}

fn advice(app: &ServiceApp, refused: &Refused) -> String {
    let place = place(&app.private_key);
    let key = app.key_id.as_ref().map_or_else(String::new, |id| format!(" under the id {id}"));
    match refused.error.as_str() {
        "invalid_client" => format!(
            "Compare with Applications > the app > General > Client Credentials in Okta: the client id must be that of an \
             active app of this org, client authentication must be \"Public key / Private key\", and the private key in \
             {place} must be the other half of an active key there{key}"
        ),
        "invalid_scope" => format!(
            "At least one of {} is not granted: grant it under Applications > the app > Okta API Scopes, or leave it out of \
             source.okta.auth.service_app.scopes. `usersyncd check --online` says which it is",
            app.scopes.join(", ")
        ),
        "access_denied" => "A policy of the org is in the way: if the app may be used from a network zone only, this host's \
                            address must be in it (Applications > the app > General > Network, Security > Networks)"
            .to_owned(),
        "unauthorized_client" | "unsupported_grant_type" => {
            "The app may not sign in by itself: make one of the type API Services (Applications > Create App Integration)".to_owned()
        }
        "invalid_dpop_proof" | "use_dpop_nonce" => "What Okta wanted in the proof was sent, and refused again: something on the way \
                                                    may drop the headers DPoP or dpop-nonce, or change the address that is asked. \
                                                    Check the proxy settings of this host"
            .to_owned(),
        _ => "Okta's own log (Reports > System Log) says more about the attempt".to_owned(),
    }
}
