//! Who is at the other end of a connection, and whether they may change anything.
//!
//! The file mode of the socket is the first gate, this is the second: it also holds where the mode was widened, or where
//! a process hands an open connection to another. The kernel tells user, primary group and process of the peer
//! (`SO_PEERCRED`, unix(7)); memberships in other groups are looked up in the name service.

use nix::unistd::{Gid, Group, Uid, User};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// User id.
    pub(super) uid: u32,
    /// Primary group id.
    pub(super) gid: u32,
    /// Process id, where the kernel tells it.
    pub(super) pid: Option<i32>,
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "uid {} (pid {pid})", self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

/// What the name service says of the group whose members may use the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Members {
    gid: u32,
    names: Vec<String>,
}

/// Decides who may change anything.
#[derive(Clone, Debug)]
pub struct Gate {
    own: u32,
    group: String,
}

impl Gate {
    /// Lets root, this process's own user and the members of `group` through.
    #[must_use]
    pub fn new(group: &str) -> Self {
        Self { own: Uid::effective().as_raw(), group: group.to_owned() }
    }

    /// A gate of a process with another user id, for tests.
    #[cfg(test)]
    pub(super) fn of(own: u32, group: &str) -> Self {
        Self { own, group: group.to_owned() }
    }

    /// Whether the caller may change anything. Asks the name service only where it must, away from the runtime, since
    /// that may ask a remote directory.
    pub(super) async fn lets_through(&self, caller: Caller) -> bool {
        if permitted(caller, self.own, None, None) {
            return true;
        }
        let group = self.group.clone();
        let looked_up = tokio::task::spawn_blocking(move || {
            let group = Group::from_name(&group).ok().flatten();
            let user = User::from_uid(Uid::from_raw(caller.uid)).ok().flatten();
            let members = group.map(|group| Members { gid: Gid::as_raw(group.gid), names: group.mem });
            (members, user.map(|user| user.name))
        });
        let Ok((members, user)) = looked_up.await else { return false };
        permitted(caller, self.own, members.as_ref(), user.as_deref())
    }

    /// Why somebody was not let through, and what to do.
    pub(super) fn refusal(&self, caller: Caller) -> String {
        format!(
            "uid {} may look, but not change anything: that is for root, the daemon's own user, and members of the \
             group {}. Run this as root, or have an administrator add you to the group",
            caller.uid, self.group
        )
    }
}

/// Root, the daemon's own user, and members of the group: as their primary group or listed in it.
fn permitted(caller: Caller, own: u32, group: Option<&Members>, user: Option<&str>) -> bool {
    caller.uid == 0
        || caller.uid == own
        || group.is_some_and(|group| {
            caller.gid == group.gid || user.is_some_and(|user| group.names.iter().any(|name| name == user))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_own_user_and_members_may_change_things_and_nobody_else() {
        let group = Members { gid: 500, names: vec!["anna".to_owned()] };
        let caller = |uid, gid| Caller { uid, gid, pid: Some(1) };
        for (caller, group, user, expected) in [
            (caller(0, 0), None, None, true),
            (caller(990, 990), None, None, true),
            (caller(1000, 500), Some(&group), None, true),
            (caller(1000, 1000), Some(&group), Some("anna"), true),
            (caller(1001, 1001), Some(&group), Some("ann"), false),
            (caller(1001, 1001), Some(&group), None, false),
            (caller(1000, 500), None, Some("anna"), false),
            (caller(1000, 0), Some(&group), Some("berta"), false),
        ] {
            assert_eq!(permitted(caller, 990, group, user), expected, "{caller:?} {group:?} {user:?}");
        }
    }

    #[tokio::test]
    async fn a_group_that_this_host_lacks_has_no_members() {
        let gate = Gate { own: 990, group: "no-such-group-here".to_owned() };
        let stranger = Caller { uid: 4_000_000, gid: 4_000_000, pid: None };
        assert!(!gate.lets_through(stranger).await);
        assert!(gate.refusal(stranger).contains("no-such-group-here"));
        assert!(gate.lets_through(Caller { uid: 990, ..stranger }).await);
    }
}
