//! Finds users by a part of their name, display name or address, without looking at everybody each time.
//!
//! Who has three letters in a row somewhere is kept; a filter's rarest three letters leave few users to look at. It
//! is built when it is first needed, and anew when the world was changed from outside.

use std::collections::HashMap;

use crate::product::{Id, User, World};

type Trigram = [u8; 3];

/// Users by three letters in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// How many changes the world had seen when this was right.
    seen: Option<u64>,
    /// Name, display name and address of everybody in lower case, on a line each.
    texts: HashMap<Id, String>,
    /// Who has these letters, ascending.
    holders: HashMap<Trigram, Vec<Id>>,
    /// Who was changed by the request that is under way.
    touched: Vec<Id>,
}

impl Search {
    /// Whether nothing changed since it was last right.
    pub(super) fn is_in_step(&self, world: &World) -> bool {
        self.seen == Some(world.changes)
    }

    /// Remembers that the request under way makes, changes or removes a user.
    pub(super) fn touch(&mut self, user: Id) {
        self.touched.push(user);
    }

    /// Takes over what a request changed.
    pub(super) fn follow(&mut self, was_in_step: bool, world: &World) {
        let touched = std::mem::take(&mut self.touched);
        if was_in_step {
            for id in touched {
                self.replace(id, world.users().get(&id));
            }
            self.seen = Some(world.changes);
        }
    }

    /// Users with a text in one of the three, from an id on, ascending.
    pub(super) fn find(&mut self, text: &str, from: Id, world: &World) -> Vec<Id> {
        if !self.is_in_step(world) {
            self.rebuild(world);
        }
        // The fields are lines of one text: what spans lines is in none of them.
        let text = text.to_lowercase();
        if text.contains('\n') {
            return Vec::new();
        }
        let holds = |id: &Id| *id >= from && self.texts.get(id).is_some_and(|known| known.contains(&text));
        if text.len() < 3 {
            return world.users().keys().copied().filter(holds).collect();
        }
        let rarest = trigrams(&text)
            .map(|trigram| self.holders.get(&trigram))
            .min_by_key(|holders| holders.map_or(0, Vec::len));
        rarest.flatten().into_iter().flatten().copied().filter(holds).collect()
    }

    fn rebuild(&mut self, world: &World) {
        *self = Self { seen: Some(world.changes), ..Self::default() };
        for (id, user) in world.users() {
            self.replace(*id, Some(user));
        }
    }

    fn replace(&mut self, id: Id, user: Option<&User>) {
        if let Some(old) = self.texts.remove(&id) {
            for trigram in trigrams(&old) {
                let Some(holders) = self.holders.get_mut(&trigram) else { continue };
                if let Ok(at) = holders.binary_search(&id) {
                    holders.remove(at);
                }
            }
        }
        let Some(user) = user else { return };
        let text = format!("{}\n{}\n{}", user.name, user.display_name, user.email).to_lowercase();
        for trigram in trigrams(&text) {
            let holders = self.holders.entry(trigram).or_default();
            if let Err(at) = holders.binary_search(&id) {
                holders.insert(at, id);
            }
        }
        self.texts.insert(id, text);
    }
}

fn trigrams(text: &str) -> impl Iterator<Item = Trigram> {
    text.as_bytes().windows(3).filter_map(|letters| letters.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a look at everybody finds.
    fn everybody_with(text: &str, from: Id, world: &World) -> Vec<Id> {
        let text = text.to_lowercase();
        let holds = |user: &User| {
            [&user.name, &user.display_name, &user.email]
                .iter()
                .any(|field| field.to_lowercase().contains(&text))
        };
        let found = world.users().iter().filter(|(id, user)| **id >= from && holds(user));
        found.map(|(id, _)| *id).collect()
    }

    #[test]
    fn it_finds_what_a_look_at_everybody_finds() {
        let (mut world, mut search) = (World::default(), Search::default());
        for number in 0..300 {
            world.add_user(&format!("Üser{number:03}"));
        }
        let check = |search: &mut Search, world: &World| {
            for text in
                ["", "ü", "üS", "r1", "ser", "er12", "ÜSER123", "123@exa", "Local", "nobody", "r299 l", "\n"]
            {
                for from in [0, 1, 150, 10_000] {
                    let expected = everybody_with(text, from, world);
                    assert_eq!(search.find(text, from, world), expected, "{text:?} from {from}");
                }
            }
        };
        check(&mut search, &world);
        // A request that changes users is followed, and one that changes something else is, too.
        let in_step = search.is_in_step(&world);
        assert!(in_step);
        let (gone, renamed) = (world.user_named("üser123").unwrap(), world.user_named("üser299").unwrap());
        world.remove_user(gone);
        world.change_user(renamed, |user| user.name = "er12 again".to_owned());
        let new = world.add_user("fresh er12");
        [gone, renamed, new].into_iter().for_each(|id| search.touch(id));
        search.follow(in_step, &world);
        assert!(search.is_in_step(&world), "nothing is built anew");
        check(&mut search, &world);
        // A change from outside is noticed.
        world.remove_user(new);
        search.touch(renamed);
        search.follow(search.is_in_step(&world), &world);
        check(&mut search, &world);
    }
}
