//! What is wrong with a file, where, and what to write instead.

use std::path::PathBuf;

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

/// A file that was read and checked.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// What it means; none if and only if a diagnostic is an error.
    pub value: Option<T>,
    /// All that is wrong with it, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}
