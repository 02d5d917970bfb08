//! What to type next: the end of what a person reads.

use super::text::Style;
use crate::telemetry::escape::escape;

/// Commands and what each is for, in the order in which a person would think of them.
#[derive(Debug, Default)]
pub(super) struct Next(Vec<(String, &'static str)>);

impl Next {
    /// Adds `usersyncd ctl COMMAND`, and what it is for; not a second time for another purpose.
    pub(super) fn add(&mut self, command: &str, purpose: &'static str) {
        self.add_command(&format!("usersyncd ctl {}", escape(command)), purpose);
    }

    /// Adds the command that asks the source what its token may see.
    pub(super) fn add_check(&mut self) {
        self.add_command("usersyncd check --online", "what the token may see");
    }

    fn add_command(&mut self, command: &str, purpose: &'static str) {
        let command = command.to_owned();
        if !self.0.iter().any(|(known, _)| *known == command) {
            self.0.push((command, purpose));
        }
    }

    /// Puts the commands at the end of `out`; nothing if there are none.
    pub(super) fn push(&self, out: &mut String, style: Style) {
        if self.0.is_empty() {
            return;
        }
        out.push_str(&format!("\n{}\n", style.bold("Next:")));
        let width = self.0.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
        for (command, purpose) in &self.0 {
            out.push_str(&format!("  {command:<width$}  {purpose}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_in_a_column_and_names_are_harmless() {
        let mut next = Next::default();
        let mut out = String::new();
        next.push(&mut out, Style { colors: false });
        assert_eq!(out, "");
        next.add("hold 7", "read it");
        next.add("plan ac\u{1b}me", "look again");
        next.add("hold 7", "read it twice");
        next.push(&mut out, Style { colors: false });
        assert_eq!(
            out,
            "\nNext:\n  usersyncd ctl hold 7           read it\n  usersyncd ctl plan ac\\u{1b}me  look again\n"
        );
    }
}
