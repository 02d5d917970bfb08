//! Further attributes of a user, in little memory: most users have none or a few, and there are many users.

use std::fmt;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and values, sorted by name, no name twice. In JSON an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent, inline)]
pub struct FurtherAttributes(
    #[schemars(with = "std::collections::BTreeMap<String, String>")] Box<[(CompactString, CompactString)]>,
);

impl FurtherAttributes {
    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&CompactString, &CompactString)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CompactString> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether [`Self::overlaid`] with these would change nothing.
    #[must_use]
    pub fn holds(&self, others: &Self) -> bool {
        others.iter().all(|(name, value)| self.get(name).map_or(value.is_empty(), |known| known == value))
    }

    /// Those whose names are kept.
    #[must_use]
    pub fn only(&self, keeps: impl Fn(&str) -> bool) -> Self {
        self.iter()
            .filter(|(name, _)| keeps(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// These, with those of `others` in place of what bears the same name. What is empty there and not here stays away:
    /// not set and empty are the same.
    #[must_use]
    pub fn overlaid(&self, others: &Self) -> Self {
        let others = others.iter().filter(|(name, value)| !value.is_empty() || self.get(name).is_some());
        self.iter().chain(others).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl FromIterator<(CompactString, CompactString)> for FurtherAttributes {
    /// Of two values for one name the last one counts.
    fn from_iter<I: IntoIterator<Item = (CompactString, CompactString)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        // Stable, so that the last of equal names stays the last.
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        pairs.reverse();
        pairs.dedup_by(|one, other| one.0 == other.0);
        pairs.reverse();
        Self(pairs.into())
    }
}

impl Serialize for FurtherAttributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for FurtherAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = FurtherAttributes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<CompactString, CompactString>()? {
                    pairs.push(pair);
                }
                Ok(pairs.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> FurtherAttributes {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn the_last_value_of_a_name_counts_and_names_are_sorted() {
        let all = attributes(&[("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(serde_json::to_string(&all).unwrap(), r#"{"a":"2","b":"3"}"#);
        assert_eq!(all.get("b").unwrap(), "3");
        assert_eq!(all.get("c"), None);
        let overlaid = all.overlaid(&attributes(&[("a", "9"), ("b", ""), ("n", ""), ("z", "8")]));
        assert_eq!(serde_json::to_string(&overlaid).unwrap(), r#"{"a":"9","b":"","z":"8"}"#);
    }

    #[test]
    fn json_is_read_back() {
        let all = attributes(&[("b", "1"), ("a", "2")]);
        assert_eq!(serde_json::from_str::<FurtherAttributes>(r#"{"b":"1","a":"2"}"#).unwrap(), all);
        assert!(serde_json::from_str::<FurtherAttributes>(r#"{"b":1}"#).is_err());
    }

    #[test]
    fn what_is_held_is_what_an_overlay_would_not_change() {
        let sides: Vec<FurtherAttributes> = ["", "1", "2"]
            .iter()
            .flat_map(|a| ["-", "", "1"].map(|b| [("a", *a), ("b", b)]))
            .map(|pairs| pairs.into_iter().filter(|(_, value)| *value != "-").collect::<Vec<_>>())
            .map(|pairs| attributes(&pairs))
            .chain([FurtherAttributes::default()])
            .collect();
        for (has, wanted) in sides.iter().flat_map(|has| sides.iter().map(move |wanted| (has, wanted))) {
            assert_eq!(has.holds(wanted), has.overlaid(wanted) == *has, "{has:?} {wanted:?}");
        }
    }
}
