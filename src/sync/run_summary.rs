//! A run as one line of a list.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Counts, Managed, Outcome, Report, Trigger};

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// Its number.
    pub run: u64,
    /// The connector's name.
    pub connector: String,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended; none if it is busy or the daemon died in it.
    pub ended: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub error: Option<String>,
    /// The login that the run was limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What happened.
    pub counts: Counts,
    /// How many findings it has.
    pub findings: u64,
    /// What the connector managed after it.
    #[serde(default)]
    pub managed: Managed,
    /// The run that this one undid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
}

impl From<&Report> for RunSummary {
    fn from(report: &Report) -> Self {
        Self {
            run: report.run,
            connector: report.connector.clone(),
            trigger: report.trigger,
            started: report.started,
            ended: Some(report.ended),
            outcome: Some(report.outcome),
            error: report.error.clone(),
            user: report.user.clone(),
            counts: report.counts,
            findings: report.findings.len() as u64,
            managed: report.managed,
            undoes: report.undoes,
        }
    }
}
