//! Searches: the only lists of all users and of all groups.

use super::call::{Answer, Call};
use super::entity::View;
use super::query;
use super::refusal::Refusal;
use super::restriction::Restriction;

impl Call<'_> {
    /// GET with a restriction in the query language, POST with one in the body.
    pub(super) fn search(&self) -> Answer {
        let restriction = self.restriction()?;
        let (users, groups) = (self.world.users(), self.world.groups());
        match self.request.parameter("entity-type") {
            Some("user") => {
                // A name leads to its user without a look at all the others.
                let named = restriction.only_name().map(|name| self.world.user_named(name));
                let found = match named {
                    Some(id) => self.page(id.and_then(|id| users.get_key_value(&id)).into_iter())?,
                    None => self.page(users.iter().filter(|(_, user)| restriction.matches_user(user)))?,
                };
                let found = found.into_iter().map(|(id, user)| (*id, user)).collect();
                self.show(200, &View::Users(found, self.detail_in_list("user")))
            }
            Some("group") => {
                let found = self.page(groups.values().filter(|group| restriction.matches_group(group)))?;
                self.show(200, &View::Groups(found, self.detail_in_list("group")))
            }
            _ => Err(Refusal::argument("entity-type is neither user nor group")),
        }
    }

    fn restriction(&self) -> Result<Restriction, Refusal> {
        if self.request.method == "POST" {
            let restriction = Restriction::of_body(&self.body()?);
            return restriction.ok_or_else(|| Refusal::argument("The restriction cannot be read"));
        }
        match self.request.parameter("restriction").map(str::trim) {
            None | Some("") => Ok(Restriction::Everything),
            Some(text) => query::parse(text).map_err(Refusal::argument),
        }
    }
}
