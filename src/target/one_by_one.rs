//! Memberships of a product that changes one of them with each request.

use futures_util::{StreamExt, stream};

use super::{Named, WriteError, Written};

/// What became of one membership.
pub(super) enum Fate {
    /// It is as it should be.
    Done,
    /// It was refused: the text says why.
    Refused(String),
}

/// Removes and adds members, so many requests at once. `change` gets each member and whether it is to be added. A member who
/// was refused, or of whom nothing is known, does not stop the others; what is fatal does.
pub(super) async fn one_by_one<'a, Changing>(
    at_once: usize,
    (added, removed): (&'a [Named], &'a [Named]),
    change: impl Fn(&'a Named, bool) -> Changing,
) -> Result<Written, WriteError>
where
    Changing: Future<Output = Result<Fate, WriteError>>,
{
    let mut changes = Vec::with_capacity(added.len() + removed.len());
    for (users, add) in [(removed, false), (added, true)] {
        for user in users {
            let change = change(user, add);
            changes.push(async move { (user, change.await) });
        }
    }
    let mut failed = Vec::new();
    let mut fatal = None;
    let mut changes = stream::iter(changes).buffer_unordered(at_once.max(1));
    while let Some((user, fate)) = changes.next().await {
        match fate {
            Ok(Fate::Done) => {}
            Ok(Fate::Refused(reason)) => failed.push((user.id.clone(), reason)),
            Err(error) if error.fatal => {
                fatal = Some(error);
                break;
            }
            Err(error) => failed.push((user.id.clone(), error.message)),
        }
    }
    // What was done before the end is found by the next run: it reads the group.
    if let Some(error) = fatal {
        return Err(error);
    }
    failed.sort();
    Ok(Written::Members { failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Named {
        Named { id: name.into(), name: name.into() }
    }

    #[tokio::test]
    async fn one_refusal_stops_nobody_and_what_is_fatal_stops_all() {
        let added: Vec<Named> = ["a", "b", "c"].map(named).into();
        let change = |user: &'_ Named, add: bool| {
            let name = user.name.clone();
            async move {
                assert!(add);
                match name.as_str() {
                    "b" => Ok(Fate::Refused("no".to_owned())),
                    _ => Ok(Fate::Done),
                }
            }
        };
        let written = one_by_one(2, (&added, &[]), change).await.unwrap();
        assert_eq!(written, Written::Members { failed: vec![("b".into(), "no".to_owned())] });
        let dead = |_: &'_ Named, _: bool| async { Err(WriteError::fatal("gone".to_owned())) };
        assert!(one_by_one(2, (&added, &[]), dead).await.unwrap_err().fatal);
    }
}
