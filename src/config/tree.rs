//! YAML as a tree in which every key and every value knows where it stands.
//!
//! Written on the events of the parser below serde_yaml, because the deserialiser stops at the first error, resolves
//! `on`, `1.10` and `~` before anybody can look at them, and follows aliases. Here a scalar keeps its text, and an
//! anchor, an alias or a tag is an error with advice: in these files it is always a `*`, `&` or `!` that was meant as text.

use std::collections::HashMap;

use serde_yaml::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, options};

use super::mask::{names_a_secret, quoted};
use super::scalar::Quotes;
use super::text::{Complaint, Position, Region};

/// Deeper nesting than any valid file has.
const DEEPEST: usize = 32;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) region: Region,
    /// How it is quoted, if it is a scalar.
    pub(super) quotes: Quotes,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`, without quotes.
    Null,
    /// Any other scalar: what was written, without its quotes.
    Scalar(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file; no key twice.
    Mapping(Vec<Entry>),
    /// Something that was complained about already.
    Broken,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) region: Region,
    pub(super) value: Node,
}

impl Node {
    fn new(region: Region, value: Value) -> Self {
        Self { region, quotes: Quotes::None, value }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The key and value of `key`, if this is a mapping that has it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        let Value::Mapping(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key)
    }

    /// The value at the end of a path of keys.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }

    /// True if nothing stands there.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What it is, for a sentence.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar(text) if text.is_empty() => "an empty text".to_owned(),
            Value::Scalar(text) => quoted(text),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping of keys to values".to_owned(),
            Value::Broken => "unreadable".to_owned(),
        }
    }

    /// The regions that no diagnostic may show: values of keys that name a secret, but for the places it may be in.
    pub(super) fn secrets(&self) -> Vec<Region> {
        let mut regions = Vec::new();
        self.collect_secrets(false, "", &mut regions);
        regions
    }

    /// `under` is the key that this is the value of.
    fn collect_secrets(&self, secret: bool, under: &str, regions: &mut Vec<Region>) {
        match &self.value {
            Value::Scalar(_) if secret => regions.push(self.region),
            Value::Sequence(items) => {
                items.iter().for_each(|item| item.collect_secrets(secret, under, regions))
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    // Under `auth` all is a secret that is not known to be none.
                    let is_public = under == "service_app"
                        && matches!(entry.key.as_str(), "client_id" | "key_id" | "algorithm" | "scopes")
                        && matches!(entry.value.value, Value::Scalar(_) | Value::Sequence(_));
                    let is_place =
                        secret && (is_public || matches!(entry.key.as_str(), "credential" | "file" | "env"));
                    if secret && !is_place && matches!(entry.value.value, Value::Null) {
                        regions.push(entry.region);
                    }
                    // The address of a webhook is one, and may be written where the webhook belongs.
                    let of_webhook = (under == "webhook" && matches!(entry.key.as_str(), "url" | "key"))
                        || (entry.key == "webhook" && !matches!(entry.value.value, Value::Mapping(_)));
                    let is_secret = (secret && !is_place) || names_a_secret(&entry.key) || of_webhook;
                    entry.value.collect_secrets(is_secret, &entry.key, regions);
                }
            }
            _ => {}
        }
    }
}

/// What was read of a text, as far as it could be.
pub(super) struct Parsed {
    /// None for a text without any value.
    pub(super) root: Option<Node>,
    /// All that is not accepted, each with its place.
    pub(super) complaints: Vec<(Region, Complaint)>,
}

/// Reads `contents`, which is valid UTF-8 without a byte order mark.
pub(super) fn parse(contents: &str) -> Parsed {
    let options = options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut reader =
        Reader { parser: Parser::new_from_str_with_options(contents, options), complaints: Vec::new() };
    let root = match reader.document() {
        Ok(root) => root,
        Err(stop) => {
            reader.complaints.extend(stop.map(|error| explain(&error)));
            None
        }
    };
    Parsed { root, complaints: reader.complaints }
}

/// Why reading ended early; none if it was complained about already.
type Stop = Option<ScanError>;

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    complaints: Vec<(Region, Complaint)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        loop {
            let (event, span) = match self.parser.next_event() {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(Some(error)),
                None => return Err(None),
            };
            if !matches!(event, Event::Anchor(..)) {
                return Ok((event, span));
            }
            let complaint =
                Complaint::new("A `&` at the beginning of a value is a YAML anchor, which is not accepted.")
                    .advise("Put quotes around the value if the `&` is part of it; else remove the anchor.");
            self.complaints.push((region(&span), complaint));
        }
    }

    /// Reads the first document and complains about a second one.
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    let complaint =
                        Complaint::new("A second YAML document begins here: a file holds exactly one.")
                            .advise("Remove the line `---`, or move what follows it into a file of its own.");
                    self.complaints.push((region(&span), complaint));
                    return Ok(root);
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span)?),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Stop> {
        let anchored = event.anchor_id().is_some_and(|id| id != 0);
        let tag = event.tag().map(|tag| tag.original());
        let start = region(&span);
        let mut node = match event {
            Event::Scalar(text, style, ..) => {
                let quotes = match style {
                    ScalarStyle::SingleQuoted => Quotes::Single,
                    ScalarStyle::DoubleQuoted => Quotes::Double,
                    _ => Quotes::None,
                };
                Node { region: start, quotes, value: scalar(text.into_owned(), style) }
            }
            Event::SequenceStart(..) => self.sequence(start)?,
            Event::MappingStart(..) => self.mapping(start)?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let complaint = Complaint::new("A `*` at the beginning of a value is a YAML alias, which is not accepted.")
                    .advise("Put quotes around the value if the `*` is part of it, as in \"*-test\"; else repeat the value.");
                self.complaints.push((start, complaint));
                Node::new(start, Value::Broken)
            }
            _ => Node::new(start, Value::Broken),
        };
        if anchored {
            // Complained about where the parser reports it.
            node.value = Value::Broken;
        }
        if let Some(tag) = tag {
            let region = span.tag_span().map_or(start, |span| region(&span));
            let complaint = Complaint::new(format!("{} is a YAML tag, which is not accepted.", quoted(&tag)))
                .advise("Put quotes around the value if the `!` is part of it; else remove the tag.");
            self.complaints.push((region, complaint));
            node.value = Value::Broken;
        }
        Ok(node)
    }

    fn sequence(&mut self, start: Region) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let region = Region { from: start.from, to: region(&span).to };
                return Ok(Node::new(region, Value::Sequence(items)));
            }
            items.push(self.node(event, span)?);
        }
    }

    fn mapping(&mut self, start: Region) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let region = Region { from: start.from, to: region(&span).to };
                return Ok(Node::new(region, Value::Mapping(entries)));
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            let Some(name) = self.key_name(&key) else { continue };
            if let Some(line) = lines.get(&name) {
                let again = key.region.from.line;
                let where_ = if *line == again {
                    format!("twice on line {line}")
                } else {
                    format!("on line {line} and again on line {again}")
                };
                let complaint = Complaint::new(format!("The key {} is given {where_}.", quoted(&name)))
                    .advise("Keep one of them: it is not said which one counts.");
                self.complaints.push((key.region, complaint));
                continue;
            }
            lines.insert(name.clone(), key.region.from.line);
            entries.push(Entry { key: name, region: key.region, value });
        }
    }

    fn key_name(&mut self, key: &Node) -> Option<String> {
        let complaint = match &key.value {
            Value::Scalar(text) => return Some(text.clone()),
            // Complained about already.
            Value::Broken => return None,
            Value::Null => Complaint::new("A key is missing before the `:`."),
            Value::Mapping(_) | Value::Sequence(_) => Complaint::new(
                "A key must be a name, but this is a list or a mapping of its own.",
            )
            .advise("Text that begins with `{` or `[` needs quotes, as in \"{{ profile.login | lower }}\"."),
        };
        self.complaints.push((key.region, complaint));
        None
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    match (style, text.as_str()) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::Scalar(text),
    }
}

fn region(span: &Span) -> Region {
    let from = Position { line: span.start.line(), column: span.start.col() + 1 };
    let to = Position { line: span.end.line(), column: span.end.col() + 1 };
    Region { from, to: if to > from { to } else { Position { column: from.column + 1, ..from } } }
}

/// What the parser's error means to somebody who writes these files.
fn explain(error: &ScanError) -> (Region, Complaint) {
    const SPACES: &str = "Indent with spaces: YAML does not accept tabs there.";
    const QUOTE_TEXT: &str = "Put quotes around a text that contains `: ` or begins with a special character, and check \
                              that keys of one level begin in the same column.";
    let kind = error.kind();
    let advice = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::InvalidBlockEntryWhitespace
        | ErrorKind::InvalidMappingValueWhitespace => SPACES,
        ErrorKind::MissingAnchorOrAliasName => "Write it as in cron: \"*/15 * * * *\" or [\"*-test\"].",
        ErrorKind::UnexpectedCharacter { .. } => "Write it as in cron: \"@hourly\".",
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => {
            "Use single quotes for a text with backslashes, as in '^okta-(\\d+)$', or write each backslash twice."
        }
        ErrorKind::UnclosedQuotedScalar => "Close the quote that begins here.",
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "Close each bracket with its own kind: [ with ], { with }."
        }
        ErrorKind::RecursionLimitExceeded => {
            "No valid file nests that deep: remove what is not meant to be here."
        }
        ErrorKind::BomInsideDocument => "Remove the byte order mark, an invisible character at this place.",
        _ => QUOTE_TEXT,
    };
    let marker = error.marker();
    let message = match kind {
        ErrorKind::MissingAnchorOrAliasName => "A value that begins with `*` or `&` needs quotes.".to_owned(),
        ErrorKind::UnexpectedCharacter { character } => {
            format!("A value that begins with `{}` needs quotes.", character.escape_default())
        }
        kind => format!("This is not valid YAML: {kind}."),
    };
    let complaint = Complaint::new(message).advise(advice);
    (Region::at(marker.line(), marker.col() + 1), complaint)
}
