//! Following the pages of a list to its end, and noticing when there is none.

use std::collections::HashSet;

use url::Url;

use super::client::{Ask, Bucket, Client, Unread};
use crate::http::{link, pin};
use crate::sync::model::Proof;

/// A list to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    pub(super) bucket: Bucket,
    /// The address of its first page.
    pub(super) first: &'a Url,
    /// What it is, as the subject of a sentence.
    pub(super) what: &'a str,
    /// A `Content-Type` with Okta's options.
    pub(super) options: Option<&'static str>,
    /// A part of the query that Okta forgets in its links to the next page.
    pub(super) forgotten: Option<&'static str>,
}

/// What the reader of a page says about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Records on the page, whether new or not, readable or not.
    pub(super) records: usize,
    /// How many of them no earlier page had.
    pub(super) new: usize,
}

/// How a list that began ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was read to its end.
    Complete,
    /// It was not; the text says why, as the end of a sentence.
    Short(String),
    /// A later page answered that the thing does not exist.
    Missing,
}

impl Ended {
    /// What may be concluded from a list of the whole org.
    pub(super) fn into_proof(self) -> Proof {
        match self {
            Self::Complete => Proof::Proven,
            Self::Short(why) => Proof::NotProven(why),
            Self::Missing => {
                Proof::NotProven("Okta answered in the middle of it that it does not exist (404)".to_owned())
            }
        }
    }
}

/// Reads a list page by page. `take` reads one page; an error of it is a part of a sentence, and it must not have taken
/// anything then.
///
/// Errors are those of the first page, and refusals of any page; whatever else goes wrong makes a short list.
pub(super) async fn read(
    client: &Client,
    list: List<'_>,
    take: impl FnMut(&[u8]) -> Result<Taken, String>,
) -> Result<Ended, Unread> {
    match follow(client, list, take).await {
        Ok(ended) => Ok(ended),
        Err((_, unread @ Unread::Fatal(_))) => Err(unread),
        Err((_, unread @ Unread::Forbidden(_))) => Err(Unread::Fatal(client.fatal(list.what, unread))),
        Err((1, unread)) => Err(unread),
        Err((_, Unread::Missing)) => Ok(Ended::Missing),
        Err((page, unread)) => {
            Ok(Ended::Short(format!("page {page} could not be read: {}", unread.reason())))
        }
    }
}

/// The same for whoever judges by itself what a page means that was not had; the error says which page it is.
pub(super) async fn follow(
    client: &Client,
    list: List<'_>,
    mut take: impl FnMut(&[u8]) -> Result<Taken, String>,
) -> Result<Ended, (usize, Unread)> {
    let mut url = list.first.clone();
    let mut seen = HashSet::new();
    let mut page = 1;
    loop {
        seen.insert(url.as_str().to_owned());
        let ask = Ask {
            bucket: list.bucket,
            url: &url,
            what: list.what,
            options: list.options,
            smaller: Some(smaller_pages),
        };
        let reply = client.ask(ask, |answer, body| {
            take(body).map(|taken| (taken, link::paging(&answer.headers), answer.url.clone()))
        });
        let (taken, paging, answered) = reply.await.map_err(|unread| (page, unread))?;
        let Some(next) = paging.next else {
            // Okta always sends a link to the page itself. A full page without any says that links get lost on the way.
            let lost = !paging.any && limit(&answered).is_some_and(|limit| taken.records >= limit);
            return Ok(if lost {
                Ended::Short(format!(
                    "page {page} is full and came without a Link header, so more may follow"
                ))
            } else {
                Ended::Complete
            });
        };
        let Some(mut next) = pin(client.origin(), &answered, &next) else {
            return Ok(Ended::Short(format!("page {page} names a next page that is no address")));
        };
        // What a smaller page does without is not asked for again.
        if let Some(part) = list.forgotten.filter(|part| has(&answered, part)) {
            put_back(&mut next, part);
        }
        if seen.contains(next.as_str()) {
            return Ok(Ended::Short(format!("page {page} names a page as the next that was read before")));
        }
        if taken.new == 0 {
            return Ok(Ended::Short(format!("page {page} brought nothing new and yet promised more")));
        }
        url = next;
        page += 1;
    }
}

/// The same page with half as many records, down to a few: Okta answers 500 to a list that takes it too long, and then
/// says to ask for less (Okta developer docs, "List groups"). The smallest pages do without the counts of members.
pub(super) fn smaller_pages(url: &Url) -> Option<Url> {
    const SMALLEST: usize = 25;
    let smaller = (limit(url)? / 2).max(SMALLEST);
    let query = url.query()?;
    // Only the one parameter is touched: cursors stay byte for byte as Okta wrote them.
    let parts = query.split('&').filter(|part| smaller > SMALLEST || *part != "expand=stats");
    let parts = parts
        .map(|part| if part.starts_with("limit=") { format!("limit={smaller}") } else { part.to_owned() });
    let query = parts.collect::<Vec<_>>().join("&");
    let mut url = url.clone();
    url.set_query(Some(&query));
    Some(url)
}

fn has(url: &Url, part: &str) -> bool {
    url.query().is_some_and(|query| query.split('&').any(|known| known == part))
}

/// Adds a part to the query if it is not there.
fn put_back(url: &mut Url, part: &str) {
    let query = match url.query() {
        Some(_) if has(url, part) => return,
        Some(query) if !query.is_empty() => format!("{query}&{part}"),
        _ => part.to_owned(),
    };
    url.set_query(Some(&query));
}

/// How many records an address asks for.
fn limit(url: &Url) -> Option<usize> {
    url.query_pairs().find(|(name, _)| name == "limit")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_pages_change_the_limit_and_nothing_else() {
        let halved = |address: &str| smaller_pages(&Url::parse(address).unwrap()).map(String::from);
        let cases = [
            ("https://a/g?limit=1000", Some("https://a/g?limit=500")),
            (
                "https://a/g?after=bG%3D%3D+x&limit=200&expand=stats",
                Some("https://a/g?after=bG%3D%3D+x&limit=100&expand=stats"),
            ),
            ("https://a/g?limit=100&expand=stats", Some("https://a/g?limit=50&expand=stats")),
            ("https://a/g?limit=50&expand=stats", Some("https://a/g?limit=25")),
            ("https://a/g?limit=25", Some("https://a/g?limit=25")),
            ("https://a/g", None),
            ("https://a/g?limit=all", None),
        ];
        for (address, expected) in cases {
            assert_eq!(halved(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn what_a_link_forgot_is_put_back_and_nothing_else_is_touched() {
        for (address, expected) in [
            ("https://a/u?after=bG%3D%3D+x&limit=500", "https://a/u?after=bG%3D%3D+x&limit=500&expand=user"),
            ("https://a/u?expand=user&after=1", "https://a/u?expand=user&after=1"),
            ("https://a/u?expand=user%2Cx", "https://a/u?expand=user%2Cx&expand=user"),
            ("https://a/u", "https://a/u?expand=user"),
            ("https://a/u?", "https://a/u?expand=user"),
        ] {
            let mut url = Url::parse(address).unwrap();
            put_back(&mut url, "expand=user");
            assert_eq!(url.as_str(), expected, "{address}");
        }
    }
}
