//! The Okta org as a source.

use async_trait::async_trait;

use super::{Questions, ReadRequest, Source, SourceError};
use crate::config::model::OktaSettings;
use crate::http::Shared;
use crate::sync::model::SourceSnapshot;
use crate::sync::progress::RunControl;

/// An Okta org, read with an API token.
#[derive(Debug)]
pub struct Okta;

#[allow(unused_variables, clippy::unimplemented, reason = "replaced shortly")]
impl Okta {
    /// Prepares; reads no secret and sends nothing yet.
    #[must_use]
    pub fn new(settings: OktaSettings, shared: &Shared) -> Self {
        unimplemented!()
    }
}

#[async_trait]
#[allow(unused_variables, clippy::unimplemented, reason = "replaced shortly")]
impl Source for Okta {
    async fn address(&self, control: &RunControl) -> Result<String, SourceError> {
        unimplemented!()
    }
    async fn read(&self, request: &ReadRequest, control: &RunControl) -> Result<SourceSnapshot, SourceError> {
        unimplemented!()
    }
    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<(), SourceError> {
        unimplemented!()
    }
}
