//! Who is in which group: all of it in one answer, which Crowd gives in XML only (CWD-2450, CWD-3281), or group by group with
//! servers that do not have it.

use std::collections::HashMap;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, stream};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use reqwest::StatusCode;

use super::entity::{self, Group};
use super::list::{List, Whole};
use super::{CAPABILITIES, Doors, reason, url};
use crate::sync::progress::RunControl;
use crate::target::TargetError;
use crate::target::server::{Ask, Server};

/// Names in lower case, with positions in a list.
type Positions = HashMap<CompactString, u32>;

/// What is known of a group's members.
pub(super) enum Members {
    /// These, as positions in the list of users, and nobody else.
    Of(Vec<u32>),
    /// Nobody needs to know.
    NotNeeded,
    /// The group was deleted in this moment.
    Vanished,
}

/// The groups whose members are needed.
pub(super) struct Wanted<'a> {
    pub(super) users: &'a Positions,
    pub(super) groups: &'a Whole<Group>,
    /// One for each group.
    pub(super) needed: Vec<bool>,
    /// The length of the longest page that came in this run.
    pub(super) longest_page: usize,
}

impl Wanted<'_> {
    /// The members of each group.
    pub(super) async fn read(
        &self,
        doors: &Doors,
        control: &RunControl,
    ) -> Result<Vec<Members>, TargetError> {
        let mut known = vec![None; self.groups.records.len()];
        if self.needed.contains(&true)
            && let Some(all) = self.all(&doors.xml, control).await?
        {
            known = all;
        }
        let groups = self.groups.records.iter().zip(known).zip(&self.needed);
        let mut asked = Vec::with_capacity(self.needed.len());
        for ((group, known), needed) in groups {
            asked.push(self.of_group(&doors.json, control, &group.name, known, *needed));
        }
        stream::iter(asked).buffered(CAPABILITIES.pace.at_once).try_collect().await
    }

    /// All memberships in one answer; none where there is no such answer. A group that it does not name is not known.
    async fn all(
        &self,
        server: &Server,
        control: &RunControl,
    ) -> Result<Option<Vec<Option<Vec<u32>>>>, TargetError> {
        let what = "the list of all memberships";
        let ask = Ask::get(url(server, &["group", "membership"], &[]), what);
        match server.read(ask, control, |body| self.parse(body)).await {
            Ok(Ok(all)) => Ok(Some(all)),
            Ok(Err(reply)) => match reply.status {
                StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_ACCEPTABLE
                | StatusCode::NOT_IMPLEMENTED => Ok(None),
                _ => Err(server.unreadable(what, &reply)),
            },
            Err(failed) if failed.fatal || failed.cancelled => Err(server.unread(what, failed)),
            // It may be too much for the server, or for the way to it: less may not be.
            Err(failed) => {
                tracing::warn!(
                    why = failed.text,
                    "all memberships do not come in one answer; asks group by group"
                );
                Ok(None)
            }
        }
    }

    /// The members of one group, asked for if they are needed and not known yet.
    async fn of_group(
        &self,
        server: &Server,
        control: &RunControl,
        name: &str,
        known: Option<Vec<u32>>,
        needed: bool,
    ) -> Result<Members, TargetError> {
        if !needed {
            return Ok(Members::NotNeeded);
        }
        let members = match known {
            Some(members) => members,
            None => {
                let what = format!("the list of members of group {name}");
                let resource = ["group", "user", "direct"];
                let mut list = List::new(server, control, &resource, &what);
                list.query = vec![("groupname", name)];
                let mut longest = self.longest_page;
                match list.whole(&mut longest, entity::member_names).await? {
                    // A member who is not in the list of users came after it was read.
                    Ok(members) => {
                        members.positions.keys().filter_map(|user| self.users.get(user).copied()).collect()
                    }
                    Err(reply) if reason(&reply).is_some_and(|reason| reason == "GROUP_NOT_FOUND") => {
                        return Ok(Members::Vanished);
                    }
                    Err(reply) => return Err(list.refused(&reply)),
                }
            }
        };
        control.progress.groups_read(1);
        Ok(Members::Of(sorted(members)))
    }

    /// Reads the answer of all memberships: for each group its members; none for a group that is not needed or not named.
    fn parse(&self, body: &[u8]) -> Result<Vec<Option<Vec<u32>>>, String> {
        let mut reading =
            Reading { wanted: self, all: vec![None; self.needed.len()], group: None, users: false };
        let mut reader = Reader::from_reader(body);
        let (mut depth, mut ended) = (0_usize, false);
        loop {
            let event = reader.read_event();
            match event.map_err(|error| format!("the answer is no XML ({error})"))? {
                Event::Start(element) => {
                    reading.opens(depth, &element)?;
                    depth += 1;
                }
                Event::Empty(element) => {
                    reading.opens(depth, &element)?;
                    ended |= depth == 0;
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    ended |= depth == 0;
                }
                Event::Eof if ended => return Ok(reading.all),
                Event::Eof => return Err("the answer ends before its end".to_owned()),
                _ => {}
            }
        }
    }
}

/// The answer of all memberships while it is read.
struct Reading<'w> {
    wanted: &'w Wanted<'w>,
    all: Vec<Option<Vec<u32>>>,
    /// The needed group that is being read.
    group: Option<usize>,
    /// Its users are being read, not the groups in it.
    users: bool,
}

impl Reading<'_> {
    /// An element begins, so many elements deep: `memberships`, `membership`, `users` or `groups`, `user` or `group`.
    fn opens(&mut self, depth: usize, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name();
        let name: &str = name.as_ref();
        match (depth, name) {
            (0, "memberships") => Ok(()),
            (0, _) => Err("the answer is no list of memberships".to_owned()),
            (1, "membership") => {
                let group = name_in(element, "group")?;
                let position = self.wanted.groups.positions.get(group.as_str());
                let position = position.and_then(|position| usize::try_from(*position).ok());
                self.group = position.filter(|position| self.wanted.needed.get(*position) == Some(&true));
                self.users = false;
                if let Some(members) = self.group.and_then(|group| self.all.get_mut(group)) {
                    members.get_or_insert_default();
                }
                Ok(())
            }
            (2, name) => {
                self.users = name == "users";
                Ok(())
            }
            (3, "user") if self.users => self.take(element),
            _ => Ok(()),
        }
    }

    fn take(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let Some(Some(members)) = self.group.and_then(|group| self.all.get_mut(group)) else {
            return Ok(());
        };
        // A member who is not in the list of users came after it was read.
        members.extend(self.wanted.users.get(name_in(element, "name")?.as_str()));
        Ok(())
    }
}

/// The name in an attribute, in the form in which names are compared.
fn name_in(element: &BytesStart<'_>, attribute: &str) -> Result<CompactString, String> {
    let found =
        element.try_get_attribute(attribute).map_err(|error| format!("the answer is no XML ({error})"))?;
    let found = found.ok_or_else(|| format!("a membership in the answer has no {attribute}"))?;
    let text = found.normalized_value(XmlVersion::Implicit1_0);
    let text = text.map_err(|error| format!("the answer is no XML ({error})"))?;
    Ok(CompactString::from(text.to_lowercase()))
}

/// Each member once.
fn sorted(mut members: Vec<u32>) -> Vec<u32> {
    members.sort_unstable();
    members.dedup();
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(names: &[&str]) -> Positions {
        names.iter().zip(0..).map(|(name, at)| (CompactString::from(*name), at)).collect()
    }

    fn parse(xml: &str) -> Result<Vec<Option<Vec<u32>>>, String> {
        let users = positions(&["u1", "a&b <c>", "zoë"]);
        let groups = Whole { records: Vec::new(), positions: positions(&["parent", "other", "\"r&d\""]) };
        let wanted =
            Wanted { users: &users, groups: &groups, needed: vec![true, false, true], longest_page: 0 };
        wanted.parse(xml.as_bytes())
    }

    #[test]
    fn users_are_members_and_groups_in_a_group_are_not() {
        let all = parse(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<memberships>\n <membership group=\"Parent\"><groups>\
             <group name=\"child\"/><user name=\"zoë\"/></groups><users><user name=\"U1\"></user><user name=\"u1\"/>\
             <user name=\"nobody\"/></users></membership><membership group='other'><users><user name='u1'/></users>\
             </membership><membership group=\"&quot;r&amp;d&quot;\"><users><user name=\"A&amp;b &lt;c&#62;\"/>\
             <user name=\"zo&#xEB;\"/></users><groups/></membership></memberships>\n",
        );
        assert_eq!(all.unwrap(), [Some(vec![0, 0]), None, Some(vec![1, 2])]);
        assert_eq!(sorted(vec![3, 0, 3]), [0, 3]);
    }

    #[test]
    fn a_group_without_members_is_known_and_a_group_that_is_not_named_is_not() {
        let all = parse("<memberships><membership group=\"parent\"/></memberships>");
        assert_eq!(all.unwrap(), [Some(vec![]), None, None]);
        assert_eq!(parse("<memberships/>").unwrap(), [None, None, None]);
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_list() {
        let whole = "<memberships><membership group=\"parent\"><users><user name=\"u1\"/></users></membership></memberships>";
        assert!(parse(whole).is_ok());
        for end in 1..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        for other in
            ["<html><body/></html>", "", "{}", "<memberships><membership/></memberships>", "<error/>"]
        {
            assert!(parse(other).is_err(), "{other}");
        }
        assert!(
            parse("<memberships><membership group=\"&x;\"/></memberships>").is_err(),
            "an unknown entity"
        );
    }
}
