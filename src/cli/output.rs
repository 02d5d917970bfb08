//! Where text goes: data to standard output, messages and progress to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::text::Style;
use crate::clock::Clock;
use crate::sync::report::FORMAT_VERSION;

/// A document that has no `format_version` of its own, with one.
#[derive(Debug, Serialize)]
pub(super) struct Versioned<T> {
    format_version: u32,
    #[serde(flatten)]
    document: T,
}

impl<T> Versioned<T> {
    /// The document in the present version.
    pub(super) fn new(document: T) -> Self {
        Self { format_version: FORMAT_VERSION, document }
    }
}

/// The two streams of a command, and what is known about them.
pub(super) struct Output {
    /// Data is printed as JSON.
    pub(super) json: bool,
    /// How data is coloured.
    pub(super) style: Style,
    /// How messages are coloured.
    pub(super) message_style: Style,
    /// Messages are read on a terminal that can draw.
    pub(super) messages_on_terminal: bool,
    /// The time now.
    pub(super) clock: Clock,
    data: Mutex<Box<dyn Write + Send>>,
    messages: Mutex<Box<dyn Write + Send>>,
}

impl Output {
    /// The streams of this process. Colours only on a terminal, and not if `NO_COLOR` is set (no-color.org) or the
    /// terminal is dumb.
    pub(super) fn standard(json: bool) -> Self {
        let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let capable = std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let messages_on_terminal = capable && io::stderr().is_terminal();
        Self {
            json,
            style: Style { colors: colors && capable && io::stdout().is_terminal() },
            message_style: Style { colors: colors && messages_on_terminal },
            messages_on_terminal,
            clock: Clock::system(),
            data: Mutex::new(Box::new(io::stdout())),
            messages: Mutex::new(Box::new(io::stderr())),
        }
    }

    /// Prints data. A reader that went away (`| head`) has seen what it wanted.
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        match self.write(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| unwritten(&error)),
        }
    }

    /// Prints what is of no use unless all of it arrives.
    pub(super) fn print_whole(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.write(bytes).map_err(|error| unwritten(&error))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        data.write_all(bytes).and_then(|()| data.flush())
    }

    /// Prints a document that carries its `format_version`.
    pub(super) fn print_json<T: Serialize>(&self, document: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(document).map_err(|error| {
            let message = format!(
                "no JSON could be made of the answer: {error}; nothing else failed. Leave out --json, and report it as a fault"
            );
            Failure::new(Exit::Failed, message)
        })?;
        text.push('\n');
        self.print(&text)
    }

    /// Prints the document, or what `text` makes of it.
    pub(super) fn show<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json { self.print_json(document) } else { self.print(&text(document)) }
    }

    /// Asks a person something; the answer comes on the same line.
    pub(super) fn ask(&self, question: &str) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        drop(messages.write_all(question.as_bytes()).and_then(|()| messages.flush()));
    }

    /// Says something to a person. Where nobody can be reached, nobody is.
    pub(super) fn say(&self, message: &str) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        drop(messages.write_all(format!("{message}\n").as_bytes()));
    }
}

fn unwritten(error: &io::Error) -> Failure {
    let message = format!(
        "the output could not be written: {error}; nothing else failed. Make room where it goes to, or send it elsewhere"
    );
    Failure::new(Exit::Failed, message)
}

#[cfg(test)]
pub(super) mod captured {
    //! Streams into memory.

    use std::sync::Arc;

    use super::*;

    /// What was written so far.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Seen {
        pub(in crate::cli) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output {
        /// Not a terminal; returns what is written as data and as messages.
        pub(in crate::cli) fn captured(json: bool, clock: Clock) -> (Self, Seen, Seen) {
            let (data, messages) = (Seen::default(), Seen::default());
            let output = Self {
                json,
                style: Style { colors: false },
                message_style: Style { colors: false },
                messages_on_terminal: false,
                clock,
                data: Mutex::new(Box::new(data.clone())),
                messages: Mutex::new(Box::new(messages.clone())),
            };
            (output, data, messages)
        }

        /// Whose data goes to that stream.
        pub(in crate::cli) fn writing_to(data: impl Write + Send + 'static) -> Self {
            let (mut output, _, _) = Self::captured(false, Clock::system());
            output.data = Mutex::new(Box::new(data));
            output
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_but_a_full_disk_is() {
        assert_eq!(Output::writing_to(Broken(io::ErrorKind::BrokenPipe)).print("x"), Ok(()));
        let failure = Output::writing_to(Broken(io::ErrorKind::StorageFull)).print("x").unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.message.contains("could not be written"), "{}", failure.message);
    }

    #[test]
    fn json_carries_its_version() {
        let (output, data, _) = Output::captured(true, Clock::system());
        output.print_json(&Versioned::new(json!({"name": "acme"}))).unwrap();
        assert_eq!(data.text(), "{\n  \"format_version\": 1,\n  \"name\": \"acme\"\n}\n");
    }
}
