//! Pages: a part of a list, and the way to the next.

use serde_json::{Value, json};

use super::Confluence;
use super::body::{base, encode};
use crate::product::{Reply, Request};

/// How many rows are shown when no number is asked for.
const USUAL_LIMIT: usize = 200;

impl Confluence {
    /// The part of a list that is asked for.
    ///
    /// Pages count places, so that rows move to another page when some in front of them go: a client that changes
    /// things while it reads misses some. Not published: in which order the rows come.
    pub(super) fn page<T>(
        &self,
        request: &Request,
        rows: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Reply {
        let start = request.number("start").unwrap_or(0);
        let asked = request.number("limit").filter(|limit| *limit > 0).unwrap_or(USUAL_LIMIT);
        let limit = asked.min(self.page_cap.max(1));
        let mut rows = rows.skip(start);
        let results: Vec<Value> = rows.by_ref().take(limit).map(show).collect();
        let mut links = json!({
            "base": base(request, &self.context),
            "context": self.context,
            "self": format!("{}{}", base(request, &self.context), self.address(request, None)),
        });
        if let (Some(links), true) = (links.as_object_mut(), rows.next().is_some()) {
            links.insert("next".into(), self.address(request, Some((start + limit, limit))).into());
        }
        let size = results.len();
        Reply::json(
            200,
            &json!({ "results": results, "start": start, "limit": limit, "size": size, "_links": links }),
        )
    }

    /// The address of this list, or of the page of it from a place on: relative to the base, which has the context.
    fn address(&self, request: &Request, page: Option<(usize, usize)>) -> String {
        let path = request.path.strip_prefix(&self.context).unwrap_or(&request.path);
        let is_kept = |name: &str| page.is_none() || (name != "start" && name != "limit");
        let kept = request.query.iter().filter(|(name, _)| is_kept(name));
        let mut query: Vec<String> =
            kept.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        if let Some((start, limit)) = page {
            query.push(format!("limit={limit}"));
            query.push(format!("start={start}"));
        }
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}
