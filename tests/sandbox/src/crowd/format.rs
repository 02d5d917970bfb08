//! The two forms of every body, and which of them a client sends and wants.

use crate::product::Request;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
}

impl Format {
    /// Its media type, as answers name it.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    fn is_named(self, media_type: &str) -> bool {
        match self {
            Self::Json => media_type == "application/json",
            Self::Xml => matches!(media_type, "application/xml" | "text/xml"),
        }
    }
}

/// The form of the request's body; none if it is neither.
pub(super) fn sent(request: &Request) -> Option<Format> {
    let media_type = bare(request.header("content-type")?);
    [Format::Json, Format::Xml].into_iter().find(|format| format.is_named(&media_type))
}

/// The form that the client likes best among those that are offered; XML if it does not say.
pub(super) fn wanted(request: &Request, offered: &[Format]) -> Option<Format> {
    let Some(accept) = request.header("accept") else { return offered.first().copied() };
    let mut best: Option<(f64, Format)> = None;
    for part in accept.split(',') {
        let (range, weight) = (bare(part), weight(part));
        let any = matches!(range.as_str(), "*/*" | "application/*");
        let Some(format) = offered.iter().find(|format| any || format.is_named(&range)) else { continue };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, *format));
        }
    }
    best.map(|(_, format)| format)
}

/// A media type without its parameters.
fn bare(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn weight(part: &str) -> f64 {
    let mut parameters = part.split(';').skip(1).filter_map(|parameter| parameter.trim().strip_prefix("q="));
    parameters.next().and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_taken() {
        const BOTH: &[Format] = &[Format::Xml, Format::Json];
        for (accept, offered, expected) in [
            ("application/json", BOTH, Some(Format::Json)),
            ("*/*", BOTH, Some(Format::Xml)),
            ("text/html, application/json;q=0.9, */*;q=0.1", BOTH, Some(Format::Json)),
            ("application/xml;q=0.5, Application/JSON; charset=utf-8", BOTH, Some(Format::Json)),
            ("application/json, text/xml", BOTH, Some(Format::Json)),
            ("text/html", BOTH, None),
            ("application/json;q=0", BOTH, None),
            ("application/json, application/xml;q=0.1", &[Format::Xml], Some(Format::Xml)),
            ("application/json", &[Format::Xml], None),
        ] {
            let headers = vec![("accept".to_owned(), accept.to_owned())];
            let request = Request { headers, ..Request::default() };
            assert_eq!(wanted(&request, offered), expected, "{accept}");
        }
        assert_eq!(wanted(&Request::default(), BOTH), Some(Format::Xml));
    }
}
