//! Users that are being deleted: the answer comes first, and a long task does the rest.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Outcome, refusal};
use crate::product::{Id, Reply, World};

/// Users that are being deleted, or were.
#[derive(Clone, Debug, Default)]
pub struct Deletions {
    /// Who still waits, and for how many requests.
    waiting: Vec<(Id, u64)>,
    /// Everybody whose deletion was begun.
    begun: BTreeSet<Id>,
}

impl Deletions {
    /// Begins to delete a user, who outlives so many further requests; the answer names the task.
    pub(super) fn begin(&mut self, user: Id, requests: u64, world: &mut World) -> Reply {
        self.begun.insert(user);
        if requests == 0 {
            world.remove_user(user);
        } else {
            self.waiting.push((user, requests));
        }
        let task = task_name(user);
        // Not published: the fields of the long task in the answer; these are those of Confluence Cloud.
        Reply::json(202, &json!({ "id": task, "links": { "status": format!("/rest/api/longtask/{task}") } }))
    }

    /// Takes out who waited before a request.
    pub(super) fn take(&mut self) -> Vec<(Id, u64)> {
        std::mem::take(&mut self.waiting)
    }

    /// Counts a request that was answered: whose time is up, goes.
    pub(super) fn pass(&mut self, waited: Vec<(Id, u64)>, world: &mut World) {
        for (user, requests) in waited {
            // Whoever asks again puts nothing off: the first count ends first.
            if requests <= 1 {
                world.remove_user(user);
            } else {
                self.waiting.push((user, requests - 1));
            }
        }
    }

    /// How far a deletion has come (`GET longtask/{id}`).
    pub(super) fn read_task(&self, task: &str, world: &World) -> Outcome {
        let user = self.begun.iter().find(|user| task_name(**user) == task);
        let user = user.ok_or_else(|| refusal(404, format!("No long task found with id : {task}")))?;
        let is_done = !world.users().contains_key(user);
        let body = json!({
            "id": task,
            "name": { "key": "user.deletion.task", "args": [] },
            "elapsedTime": 1,
            "percentageComplete": if is_done { 100 } else { 50 },
            "successful": is_done,
            "messages": [],
        });
        Ok(Reply::json(200, &body))
    }
}

fn task_name(user: Id) -> String {
    format!("de1e7e00-0000-4000-8000-{user:012x}")
}
