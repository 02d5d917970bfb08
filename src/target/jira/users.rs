//! Users: the list with a cursor where there is one (Jira 11, late 10.3), else the search, which may be cut.

use std::collections::HashSet;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;

use super::CAPABILITIES;
use super::bean::{self, is_absent};
use super::look::{Broken, Look};
use super::read::People;
use crate::sync::model::TargetUser;
use crate::target::server::Ask;
use crate::target::{Interest, TargetError};

/// The page that `user/list` gives by default; a largest one is not documented.
const LIST_PAGE: &str = "2000";

/// The largest page of `user/search` up to Jira 9.
const SEARCH_PAGE: usize = 1000;

/// Every limit that a search is known to end at is a multiple of this: its default page, the 100 users of Jira 10, the 1000
/// of a page before. Where it ends at another number, it ended by itself.
const ROUND: usize = 50;

const WHAT: &str = "the list of users";

/// Users as far as they are listed.
pub(super) struct Listed {
    pub(super) users: Vec<TargetUser>,
    /// False if there may be more of them.
    pub(super) whole: bool,
}

/// Lists users. What moves while it is read is read once more.
pub(super) async fn listed(look: Look<'_>, myself: &TargetUser) -> Result<Listed, TargetError> {
    let first = once(look, myself).await;
    let again = match first {
        Err(Broken::Unclear(why)) => {
            tracing::info!(why, "{WHAT} is read once more");
            once(look, myself).await
        }
        other => other,
    };
    again.map_err(|broken| look.unreadable(WHAT, broken))
}

async fn once(look: Look<'_>, myself: &TargetUser) -> Result<Listed, Broken> {
    match by_cursor(look).await? {
        Some(users) => Ok(Listed { users, whole: true }),
        None => by_search(look, myself).await,
    }
}

/// All users; none where the version has no such list.
async fn by_cursor(look: Look<'_>) -> Result<Option<Vec<TargetUser>>, Broken> {
    let mut users = Collected::default();
    let mut cursors: HashSet<String> = HashSet::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("maxResults", LIST_PAGE)];
        if !cursor.is_empty() {
            query.push(("cursor", cursor.as_str()));
        }
        let page = match look.page(look.url(&["user", "list"], &query), WHAT, bean::cursor_page).await {
            Err(Broken::Refused(reply)) if cursor.is_empty() && is_no_such_path(reply.status) => {
                return Ok(None);
            }
            page => page?,
        };
        users.take(page.users)?;
        let Some(next) = page.next else { return Ok(Some(users.users)) };
        if !cursors.insert(next.clone()) {
            return Err(Broken::Unclear(format!("the place {next} came twice as the next one")));
        }
        cursor = next;
    }
}

fn is_no_such_path(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

/// Those whom the search finds. A point finds everybody.
async fn by_search(look: Look<'_>, myself: &TargetUser) -> Result<Listed, Broken> {
    let mut users = Collected::default();
    let (mut start, mut size) = (0, SEARCH_PAGE);
    loop {
        let (from, most) = (start.to_string(), size.to_string());
        let query = [
            ("username", "."),
            ("startAt", &from),
            ("maxResults", &most),
            ("includeActive", "true"),
            ("includeInactive", "true"),
        ];
        let (came, page) = look.page(look.url(&["user", "search"], &query), WHAT, bean::search_page).await?;
        users.take(page)?;
        let is_first = start == 0;
        start += came;
        if is_first && came > 0 && came < SEARCH_PAGE && came % ROUND == 0 {
            // The server's pages may be smaller than what was asked for.
            size = came;
        } else if came < size {
            break;
        }
    }
    // Whoever may not browse users finds nobody, not even itself.
    let whole = start % ROUND != 0 && users.keys.contains(&myself.id.0);
    if !whole {
        tracing::info!(found = start, "the search for users may be cut; who is missing is asked for by name");
    }
    Ok(Listed { users: users.users, whole })
}

/// Users so far, each once.
#[derive(Default)]
struct Collected {
    users: Vec<TargetUser>,
    keys: HashSet<CompactString>,
}

impl Collected {
    fn take(&mut self, users: Vec<TargetUser>) -> Result<(), Broken> {
        for user in users {
            if !self.keys.insert(user.id.0.clone()) {
                let name = &user.attributes.username;
                return Err(Broken::Unclear(format!(
                    "{name} came twice: the list changed while it was read"
                )));
            }
            self.users.push(user);
        }
        Ok(())
    }
}

/// Asks for everybody of interest who is not known yet, one by one: who is managed by key, since names change, and then who
/// is wanted by name.
pub(super) async fn ask_for_the_rest(
    look: Look<'_>,
    interest: &Interest,
    people: &mut People,
) -> Result<(), TargetError> {
    let managed = interest.users.managed.keys().filter(|id| !people.positions.contains_key(&id.0));
    for user in asked(look, "key", managed.map(|id| id.0.as_str())).await? {
        people.add(user);
    }
    let key = |user: &TargetUser| CAPABILITIES.name_key(&user.attributes.username);
    let known: HashSet<CompactString> = people.users.iter().map(key).collect();
    let wanted = interest.users.names.iter().filter(|(key, _)| !known.contains(*key));
    for user in asked(look, "username", wanted.map(|(_, name)| name.as_str())).await? {
        people.add(user);
    }
    Ok(())
}

/// The users whom these values name, without those who do not exist.
async fn asked<'v>(
    look: Look<'_>,
    parameter: &'static str,
    values: impl Iterator<Item = &'v str>,
) -> Result<Vec<TargetUser>, TargetError> {
    let mut questions = Vec::new();
    for value in values {
        questions.push(async move {
            let what = format!("user {value}");
            user(look, parameter, value, &what).await.map_err(|broken| look.unreadable(&what, broken))
        });
    }
    let users: Vec<Option<TargetUser>> = stream::iter(questions).buffered(look.at_once).try_collect().await?;
    Ok(users.into_iter().flatten().collect())
}

/// The user whom a key or a name names; none if Jira says that there is none.
pub(super) async fn user(
    look: Look<'_>,
    parameter: &'static str,
    value: &str,
    what: &str,
) -> Result<Option<TargetUser>, Broken> {
    let ask = Ask::get(look.url(&["user"], &[(parameter, value)]), what);
    match look.server.read(ask, look.control, bean::user_if_any).await {
        Ok(Ok(user)) => Ok(user),
        Ok(Err(reply)) if is_absent(&reply) => Ok(None),
        Ok(Err(reply)) => Err(Broken::Refused(Box::new(reply))),
        Err(failed) => Err(Broken::Unanswered(failed)),
    }
}
