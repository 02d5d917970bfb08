//! A page: an array of records, each read by a [`Record`].

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::lenient::{Text, visit_other_array, visit_other_scalars};
use super::{Broken, Records, not_okta};

/// How the records of one kind are read.
pub(super) trait Record<'de>: Copy {
    /// What comes out.
    type Value;
    /// Reads one record from its fields. An error is only for JSON that cannot be read on.
    fn read<A: MapAccess<'de>>(self, fields: A) -> Result<Result<Self::Value, Broken>, A::Error>;
}

/// Reads a page. The error is a part of a sentence that says what the body is instead.
pub(super) fn records<'de, R: Record<'de>>(body: &'de [u8], record: R) -> Result<Records<R::Value>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let quick = PageSeed(record).deserialize(&mut deserializer).and_then(|records| {
        deserializer.end()?;
        Ok(records)
    });
    quick.or_else(|error| one_by_one(body, record).ok_or_else(|| not_okta(body, &error)))
}

/// Reads a single record, the whole body.
pub(super) fn single<'de, R: Record<'de>>(
    body: &'de [u8],
    record: R,
) -> Result<Result<R::Value, Broken>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let quick = RecordSeed(record).deserialize(&mut deserializer).and_then(|record| {
        deserializer.end()?;
        Ok(record)
    });
    match quick {
        Ok(record) => Ok(record),
        Err(_) if serde_json::from_slice::<IgnoredAny>(body).is_ok() => Ok(rescue(body, record)),
        Err(error) => Err(not_okta(body, &error)),
    }
}

/// The slow way, for a page whose grammar is right but some string of which is not (half a surrogate pair, bytes that are
/// no UTF-8): finds where each record begins and ends, and reads them apart, so that only the bad one is lost. None if the
/// page is no array.
fn one_by_one<'de, R: Record<'de>>(body: &'de [u8], record: R) -> Option<Records<R::Value>> {
    let mut rest = body.trim_ascii().strip_prefix(b"[")?.trim_ascii_start();
    let mut records = Vec::new();
    if let Some(behind) = rest.strip_prefix(b"]") {
        return behind.is_empty().then_some(records);
    }
    loop {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (value, behind) = rest.split_at_checked(values.byte_offset())?;
        records.push(rescue(value, record));
        match behind.trim_ascii_start() {
            b"]" => return Some(records),
            more => rest = more.strip_prefix(b",")?.trim_ascii_start(),
        }
    }
}

/// Reads one record whose grammar is right; if a string in it cannot be read, at least its id.
fn rescue<'de, R: Record<'de>>(value: &'de [u8], record: R) -> Result<R::Value, Broken> {
    #[derive(Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow, default)]
        id: Text<'a>,
    }
    let mut deserializer = serde_json::Deserializer::from_slice(value);
    RecordSeed(record).deserialize(&mut deserializer).unwrap_or_else(|_| {
        let only: Option<OnlyId<'_>> = serde_json::from_slice(value).ok();
        let id = only.and_then(|only| only.id.0).map(Into::into);
        Err(Broken { id, why: "part of its JSON is not valid" })
    })
}

struct PageSeed<R>(R);

impl<'de, R: Record<'de>> DeserializeSeed<'de> for PageSeed<R> {
    type Value = Records<R::Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: Record<'de>> Visitor<'de> for PageSeed<R> {
    type Value = Records<R::Value>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of records")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = array.next_element_seed(RecordSeed(self.0))? {
            records.push(record);
        }
        Ok(records)
    }
}

/// Reads one record, whatever it is.
pub(super) struct RecordSeed<R>(pub(super) R);

impl<'de, R: Record<'de>> DeserializeSeed<'de> for RecordSeed<R> {
    type Value = Result<R::Value, Broken>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(RecordVisitor(self.0, PhantomData))
    }
}

struct RecordVisitor<'de, R>(R, PhantomData<&'de ()>);

const NO_OBJECT: Broken = Broken { id: None, why: "it is not an object" };

impl<'de, R: Record<'de>> Visitor<'de> for RecordVisitor<'de, R> {
    type Value = Result<R::Value, Broken>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        self.0.read(fields)
    }
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Err(NO_OBJECT))
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Err(NO_OBJECT))
    }
    visit_other_scalars!(Err(NO_OBJECT));
    visit_other_array!(Err(NO_OBJECT));
}
