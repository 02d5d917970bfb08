//! Pages: a part of a list, and where the next begins.

use serde_json::{Value, json};

use super::Bitbucket;
use super::body::answer;
use crate::product::{Id, Reply, Request};

/// A start is an id times this: bigger than the start before it plus the length of the page, so that whoever
/// computes the next start gets wrong rows.
const STRIDE: Id = 7;

/// The id from which on rows are asked for.
pub(super) fn first_id(request: &Request) -> Id {
    let start = request.parameter("start").and_then(|start| start.parse::<Id>().ok());
    start.unwrap_or(0).div_ceil(STRIDE)
}

impl Bitbucket {
    /// A page of rows that begin at the [`first_id`]. Not published: in which order rows come; here by id.
    pub(super) fn page(
        &self,
        request: &Request,
        mut rows: impl Iterator<Item = Id>,
        show: impl Fn(Id) -> Value,
    ) -> Reply {
        let asked = request.number("limit").filter(|limit| *limit > 0).unwrap_or(self.page_size);
        let limit = asked.min(self.page_cap).max(1);
        let values: Vec<Value> = rows.by_ref().take(limit).map(show).collect();
        let next = rows.next().map(|id| id * STRIDE);
        answer(&json!({
            "size": values.len(),
            "limit": limit,
            "isLastPage": next.is_none(),
            "start": request.number("start").unwrap_or(0),
            "nextPageStart": next,
            "values": values,
        }))
    }
}
