//! Writes bodies as XML.

use super::entity::{Attributes, Detail, Links, Owner, SessionView, View};
use crate::product::{Group, Id, User, World};

/// A document that is being written.
#[derive(Debug)]
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>".to_owned())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// An element with what is written inside of it.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.tag(name, attributes, ">");
        inside(self);
        self.0.extend(["</", name, ">"]);
    }

    /// An element that holds a text.
    pub(super) fn leaf(&mut self, name: &str, text: &str) {
        self.element(name, &[], |writer| writer.escape(text));
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>");
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        self.0.extend(["<", name]);
        for (name, value) in attributes {
            self.0.extend([" ", name, "=\""]);
            self.escape(value);
            self.0.push('"');
        }
        self.0.push_str(end);
    }

    /// White space other than blanks is written by number: a reader would turn it into blanks in an attribute.
    fn escape(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\t' | '\n' | '\r' => self.0.push_str(&format!("&#{};", u32::from(letter))),
                other => self.0.push(other),
            }
        }
    }

    fn link(&mut self, relation: &str, address: &str) {
        self.empty("link", &[("href", address), ("rel", relation)]);
    }
}

/// A body of the API.
pub(super) fn body(view: &View<'_>, links: &Links) -> String {
    let mut writer = Writer::new();
    let out = &mut writer;
    match view {
        View::User(id, entity, detail) => user(out, links, *id, entity, *detail),
        View::Group(entity, detail) => group(out, links, entity, *detail),
        View::Users(users, detail) => out.element("users", &[("expand", "user")], |out| {
            users.iter().for_each(|(id, entity)| user(out, links, *id, entity, *detail));
        }),
        View::Groups(groups, detail) => out.element("groups", &[("expand", "group")], |out| {
            groups.iter().for_each(|entity| group(out, links, entity, *detail));
        }),
        View::Attributes(owner, values) => attributes(out, links, *owner, values, true),
        View::Cookie => out.element("cookie-config", &[], |out| {
            out.leaf("domain", ".localhost");
            out.leaf("secure", "false");
            out.leaf("name", "crowd.token_key");
        }),
        View::Session(open) => session(out, links, open),
    }
    writer.finish()
}

fn user(out: &mut Writer, links: &Links, id: Id, user: &User, detail: Detail) {
    let head: &[(&str, &str)] = match detail {
        Detail::Name => &[("name", &user.name)],
        _ => &[("name", &user.name), ("expand", "attributes")],
    };
    out.element("user", head, |out| {
        out.link("self", &links.user(&user.name));
        if detail == Detail::Name {
            return;
        }
        out.leaf("first-name", &user.first_name);
        out.leaf("last-name", &user.last_name);
        out.leaf("display-name", &user.display_name);
        out.leaf("email", &user.email);
        out.element("password", &[], |out| out.link("edit", &links.password(&user.name)));
        out.leaf("active", if user.active { "true" } else { "false" });
        // The world keeps no times.
        out.leaf("created-date", "1700000000000");
        out.leaf("updated-date", "1700000000000");
        out.leaf("key", &super::entity::key(id));
        attributes(out, links, Owner::User(&user.name), &user.attributes, detail == Detail::Attributes);
    });
}

fn group(out: &mut Writer, links: &Links, group: &Group, detail: Detail) {
    let head: &[(&str, &str)] = match detail {
        Detail::Name => &[("name", &group.name)],
        _ => &[("name", &group.name), ("expand", "attributes")],
    };
    out.element("group", head, |out| {
        out.link("self", &links.group(&group.name));
        if detail == Detail::Name {
            return;
        }
        out.leaf("description", &group.description);
        out.leaf("type", "GROUP");
        out.leaf("active", "true");
        attributes(out, links, Owner::Group(&group.name), &group.attributes, detail == Detail::Attributes);
    });
}

fn attributes(out: &mut Writer, links: &Links, owner: Owner<'_>, attributes: &Attributes, expanded: bool) {
    out.element("attributes", &[], |out| {
        out.link("self", &links.attributes(owner));
        for (name, values) in attributes.iter().filter(|_| expanded) {
            out.element("attribute", &[("name", name)], |out| {
                out.link("self", &links.attribute(owner, name));
                out.element("values", &[], |out| values.iter().for_each(|value| out.leaf("value", value)));
            });
        }
    });
}

fn session(out: &mut Writer, links: &Links, open: &SessionView<'_>) {
    out.element("session", &[("expand", "user")], |out| {
        out.leaf("token", open.token);
        user(out, links, open.id, open.user, open.detail);
        out.link("self", &links.session(open.token));
    });
}

/// Every group with those who are in it: the only body that there is in XML alone (CWD-2450).
pub(super) fn memberships(world: &World) -> String {
    let mut writer = Writer::new();
    writer.element("memberships", &[], |out| {
        for group in world.groups().values() {
            out.element("membership", &[("group", &group.name)], |out| {
                let users = group.members.iter().filter_map(|id| world.users().get(id));
                let groups = group.children.iter().filter_map(|id| world.groups().get(id));
                out.element("users", &[], |out| {
                    users.for_each(|user| out.empty("user", &[("name", &user.name)]));
                });
                out.element("groups", &[], |out| {
                    groups.for_each(|group| out.empty("group", &[("name", &group.name)]));
                });
            });
        }
    });
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::xml_reader::read;

    #[test]
    fn what_is_written_is_read_again() {
        let odd = "a & b <c> \"d\" 'e'\t\nö";
        let mut writer = Writer::new();
        writer.element("x", &[("name", odd)], |writer| writer.leaf("y", odd));
        let text = writer.finish();
        assert!(text.contains("a &amp; b &lt;c&gt; &quot;d&quot; 'e'&#9;&#10;ö"), "{text}");
        let node = read(&text).unwrap();
        assert_eq!((node.text_of("name"), node.text_of("y")), (Some(odd), Some(odd)));
    }
}
