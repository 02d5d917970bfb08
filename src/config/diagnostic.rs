//! What is wrong with a file, where, and what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and somebody should look.
    Warning,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; 0 where it concerns the whole file.
    pub line: usize,
    /// In characters, counted from 1; 0 where it concerns the whole file.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead, or what to do.
    pub advice: Option<String>,
    /// The line of the file, and under it a caret; secrets never stand in it.
    pub snippet: Option<String>,
}

impl Diagnostic {
    /// One that concerns the whole of `file`.
    pub fn of_file(
        severity: Severity,
        file: &Path,
        message: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        let message = message.into();
        Self { file: file.to_path_buf(), line: 0, column: 0, severity, message, advice, snippet: None }
    }

    /// True if the file cannot be used because of this.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The diagnostic as a person reads it, over several lines, without a line feed at the end; with ANSI colors on
    /// request.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let paint = |codes: &str, text: &str| {
            if color { format!("\u{1b}[{codes}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let (name, codes) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
        };
        let mut text = format!("{}: {}", paint(codes, name), paint("1", &self.message));
        let place = match self.line {
            0 => self.file.display().to_string(),
            line => format!("{}:{line}:{}", self.file.display(), self.column),
        };
        let number = if self.line == 0 { String::new() } else { self.line.to_string() };
        let margin = " ".repeat(number.len().max(1));
        text.push_str(&format!("\n{margin}{} {place}", paint("34", "-->")));
        if let Some((line, carets)) = self.snippet.as_deref().and_then(|snippet| snippet.split_once('\n')) {
            let bar = paint("34", "|");
            text.push_str(&format!("\n{margin} {bar}\n{} {bar} {line}", paint("34", &number)));
            text.push_str(&format!("\n{margin} {bar} {}", paint(codes, carets)));
        }
        if let Some(advice) = &self.advice {
            text.push_str(&format!("\n{margin} {} {advice}", paint("36", "= help:")));
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

/// A file that was read and checked.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// What it means; none if and only if a diagnostic is an error.
    pub value: Option<T>,
    /// All that is wrong with it, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Diagnostic {
        Diagnostic {
            file: PathBuf::from("acme.yaml"),
            line: 12,
            column: 3,
            severity: Severity::Error,
            message: "No.".to_owned(),
            advice: Some("Yes.".to_owned()),
            snippet: Some("  key: 1\n  ^^^".to_owned()),
        }
    }

    #[test]
    fn reads_as_a_compiler_error_does() {
        insta::assert_snapshot!(example(), @r"
        error: No.
          --> acme.yaml:12:3
           |
        12 |   key: 1
           |   ^^^
           = help: Yes.
        ");
    }

    #[test]
    fn a_whole_file_has_no_line() {
        let warning = Diagnostic::of_file(Severity::Warning, Path::new("a.yaml"), "Hm.", None);
        assert_eq!(warning.to_string(), "warning: Hm.\n --> a.yaml");
    }

    #[test]
    fn color_adds_nothing_but_color() {
        let colored = example().render(true);
        let mut plain = String::new();
        for piece in colored.split('\u{1b}') {
            plain.push_str(
                piece.split_once('m').filter(|_| piece.starts_with('[')).map_or(piece, |(_, rest)| rest),
            );
        }
        assert!(colored.contains("\u{1b}[1;31merror\u{1b}[0m"));
        assert_eq!(plain, example().to_string());
    }

    #[test]
    fn json_has_every_field() {
        let value = serde_json::to_value(example()).unwrap();
        assert_eq!(value["severity"], "error");
        assert_eq!(value["line"], 12);
        assert_eq!(value["advice"], "Yes.");
    }
}
