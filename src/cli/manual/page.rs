//! One manual page, written paragraph by paragraph.
//!
//! In texts, backquotes stand around what is typed or written as it is, which a page shows in bold.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// How wide an example may be beside its remark, in columns: what a terminal of 80 leaves of a page.
const WIDEST: usize = 68;

/// A line of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What is typed or written.
    pub(super) code: String,
    /// What is said about it; may be empty.
    pub(super) remark: String,
}

/// A page under construction.
pub(super) struct Page {
    text: String,
    /// Nothing stands under the last heading yet: a paragraph begins by itself there.
    fresh: bool,
}

impl Page {
    /// A page of this name (`usersyncd-ctl`), section (8: programs of administrators, 5: files) and one line about it.
    pub(super) fn new(name: &str, section: u8, about: &str) -> Self {
        let mut page = Self { text: PREAMBLE.to_owned(), fresh: false };
        let version = concat!("usersyncd ", env!("CARGO_PKG_VERSION"));
        let title = name.to_uppercase();
        let manual = if section == 5 { "File Formats" } else { "System Administration" };
        // No date: the same version gives the same page, whenever it is built.
        page.control("TH", &[&title, &section.to_string(), "", version, manual]);
        // Names are neither broken nor spread.
        page.control("nh", &[]);
        page.control("ad", &["l"]);
        page.heading("NAME");
        page.push(Roff::new().text([roman(format!("{name} - {about}"))]));
        page
    }

    /// Begins a section.
    pub(super) fn heading(&mut self, title: &str) {
        self.control("SH", &[&title.to_uppercase()]);
        self.fresh = true;
    }

    /// Begins a part of a section.
    pub(super) fn subheading(&mut self, title: &str) {
        self.control("SS", &[title]);
        self.fresh = true;
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        self.paragraph();
        self.push(Roff::new().text(inline(text)));
    }

    /// A line of parts of one's own, as a synopsis.
    pub(super) fn line(&mut self, line: Vec<Inline>) {
        self.paragraph();
        self.push(Roff::new().text(line));
    }

    /// A term with what it means.
    pub(super) fn item(&mut self, term: Vec<Inline>, text: &str) {
        self.control("TP", &[]);
        self.push(Roff::new().text(term));
        self.push(Roff::new().text(inline(text)));
        self.fresh = false;
    }

    /// Another paragraph of an item.
    pub(super) fn more(&mut self, text: &str) {
        self.control("br", &[]);
        self.push(Roff::new().text(inline(text)));
    }

    /// Lines that stay as they are, with their remarks in a column beside them, or below where that is too wide.
    pub(super) fn example(&mut self, lines: &[Line]) {
        self.paragraph();
        self.control("RS", &["4"]);
        self.control("nf", &[]);
        let column = lines.iter().filter(|line| !line.remark.is_empty()).map(|line| width(&line.code)).max();
        let column = column.unwrap_or_default() + 3;
        let fits = lines.iter().all(|line| line.remark.is_empty() || column + width(&line.remark) <= WIDEST);
        for Line { code, remark } in lines {
            match (remark.as_str(), fits) {
                ("", _) if code.is_empty() => self.push(Roff::new().text([roman("")])),
                ("", _) => self.push(Roff::new().text([bold(code)])),
                (remark, true) => {
                    let gap = " ".repeat(column.saturating_sub(width(code)));
                    self.push(Roff::new().text([bold(code), roman(gap), roman(remark)]));
                }
                (remark, false) => {
                    self.push(Roff::new().text([bold(code)]));
                    self.push(Roff::new().text([roman("    "), roman(remark)]));
                }
            }
        }
        self.control("fi", &[]);
        self.control("RE", &[]);
    }

    /// A file as it is, but for comments that are wider than a terminal.
    pub(super) fn file(&mut self, contents: &str) {
        self.paragraph();
        self.control("RS", &["4"]);
        self.control("nf", &[]);
        for line in contents.lines().flat_map(wrapped) {
            self.push(Roff::new().text([roman(line)]));
        }
        self.control("fi", &[]);
        self.control("RE", &[]);
    }

    /// What the library for manual pages wrote: roff of its own.
    pub(super) fn written(&mut self, roff: &str) {
        let body = roff.strip_prefix(PREAMBLE).unwrap_or(roff);
        // Its blank lines and repeated breaks are a matter of looks, and warned of by mandoc.
        let mut lines: Vec<&str> = body.lines().filter(|line| !line.is_empty()).collect();
        lines.dedup_by(|line, before| *line == ".br" && line == before);
        self.add(&lines.join("\n"));
        self.fresh = false;
    }

    /// The last section: where to read on.
    pub(super) fn see_also(&mut self, pages: &[String]) {
        self.heading("SEE ALSO");
        let mut line = Vec::new();
        for (index, page) in pages.iter().enumerate() {
            if index > 0 {
                line.push(roman(", "));
            }
            line.extend(reference(page));
        }
        self.push(Roff::new().text(line));
    }

    /// The page as roff.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn paragraph(&mut self) {
        if !self.fresh {
            self.control("PP", &[]);
        }
        self.fresh = false;
    }

    fn control(&mut self, name: &str, arguments: &[&str]) {
        // A missing argument keeps its place.
        let arguments = arguments.iter().map(|argument| if argument.is_empty() { "\"\"" } else { argument });
        let mut roff = Roff::new();
        roff.control(name, arguments);
        self.text.push_str(&roff.to_roff());
    }

    fn push(&mut self, roff: &Roff) {
        let rendered = roff.render();
        let body = rendered.strip_prefix(PREAMBLE).unwrap_or(&rendered).to_owned();
        self.add(&body);
    }

    fn add(&mut self, roff: &str) {
        for line in roff.lines() {
            if line.starts_with('.') {
                self.text.push_str(line);
            } else {
                self.text.push_str(&literal(&quoted_bold(line)));
            }
            self.text.push('\n');
        }
    }
}

/// What the library begins a document with, once per page: an apostrophe that can be copied from the page.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// A comment of YAML in as many lines as it needs; any other line as it is.
fn wrapped(line: &str) -> Vec<String> {
    let Some((indent, comment)) = line.split_once("# ").filter(|(indent, _)| indent.trim().is_empty()) else {
        return vec![line.to_owned()];
    };
    let begin = format!("{indent}#");
    let mut lines = vec![begin.clone()];
    for word in comment.split(' ') {
        match lines.last_mut() {
            Some(last) if *last == begin || width(last) + 1 + width(word) <= WIDEST => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(format!("{begin} {word}")),
        }
    }
    lines
}

/// The name of a page in bold, its section beside it: `usersyncd(8)`.
pub(super) fn reference(page: &str) -> Vec<Inline> {
    match page.split_once('(') {
        Some((name, section)) => vec![bold(name), roman(format!("({section}"))],
        None => vec![bold(page)],
    }
}

/// A text with what stands in backquotes in bold.
pub(super) fn inline(text: &str) -> Vec<Inline> {
    let part = |(index, part): (usize, &str)| if index % 2 == 1 { bold(part) } else { roman(part) };
    text.split('`').enumerate().filter(|(_, part)| !part.is_empty()).map(part).collect()
}

/// The same for a line that is roff already, as the library makes it of help texts.
fn quoted_bold(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    // An odd one out stands for itself.
    if parts.len().is_multiple_of(2) {
        return line.to_owned();
    }
    let part = |(index, part): (usize, &&str)| {
        if index % 2 == 1 { format!("\\fB{part}\\fR") } else { (*part).to_owned() }
    };
    parts.iter().enumerate().map(part).collect()
}

/// Characters that a typesetter makes others of, as what they are (groff_char(7)). The library leaves them, and writes a
/// backslash in a way that is read differently within macros.
fn literal(line: &str) -> String {
    line.replace("\\\\", "\\e").replace('^', "\\(ha").replace('~', "\\(ti").replace('`', "\\(ga")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: &str, remark: &str) -> Line {
        Line { code: code.to_owned(), remark: remark.to_owned() }
    }

    /// The page without its first lines.
    fn body(page: Page) -> String {
        let text = page.finish();
        text.split_once(".SH NAME\n").unwrap().1.to_owned()
    }

    #[test]
    fn paragraphs_part_and_headings_begin_one_by_themselves() {
        let mut page = Page::new("x", 8, "does it");
        page.heading("description");
        page.text("Type `x --all`.");
        page.text("It isn't `^a~b\\c`.");
        assert_eq!(
            body(page),
            "x \\- does it\n.SH DESCRIPTION\nType \\fBx \\-\\-all\\fR.\n.PP\nIt isn\\*(Aqt \\fB\\(haa\\(tib\\ec\\fR.\n"
        );
    }

    #[test]
    fn examples_keep_their_lines_and_remarks_their_column() {
        let mut page = Page::new("x", 8, "does it");
        page.heading("examples");
        page.example(&[line("x", "one"), line("x --all", "all"), line("y", "")]);
        assert_eq!(
            body(page),
            "x \\- does it\n.SH EXAMPLES\n.RS 4\n.nf\n\\fBx\\fR         one\n\\fBx \\-\\-all\\fR   all\n\\fBy\\fR\n.fi\n.RE\n"
        );
    }

    #[test]
    fn remarks_that_are_too_wide_stand_below() {
        let mut page = Page::new("x", 8, "does it");
        page.heading("examples");
        page.example(&[line("x", &"wide ".repeat(20)), line("y", "short")]);
        let body = body(page);
        assert!(body.contains("\\fBx\\fR\n    wide ") && body.contains("\\fBy\\fR\n    short\n"), "{body}");
    }

    #[test]
    fn a_line_that_begins_with_a_dot_is_no_request() {
        let mut page = Page::new("x", 5, "a file");
        page.file(".SH x\n'x\n\n  y: z");
        let body = body(page);
        assert!(body.ends_with(".nf\n\\&.SH x\n\\*(Aqx\n\n  y: z\n.fi\n.RE\n"), "{body}");
    }

    #[test]
    fn long_comments_of_a_file_are_wrapped_and_nothing_else_is() {
        let long = format!("  # {}", "word ".repeat(20).trim());
        assert_eq!(
            wrapped(&long),
            [format!("  # {}", ["word"; 13].join(" ")), format!("  # {}", ["word"; 7].join(" "))]
        );
        let value = format!("key: {} # here", "word ".repeat(20).trim());
        assert_eq!(wrapped(&value), [value.as_str()]);
        assert_eq!(wrapped("# short"), ["# short"]);
    }
}
