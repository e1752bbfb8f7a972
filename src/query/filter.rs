//! CQL2 text as it stands in a path: `filter=eo:cloud_cover < 20 AND platform = 'landsat-8'`.

use cql2::Expr;
use pest::error::InputLocation;

use super::error::Fault;

/// How deep brackets and prefix operators may nest. The parser tries each bracket in several ways, so its work
/// doubles with each level, and it calls itself.
const DEEPEST: usize = 10;

/// How many operators may hang on each other without brackets (`a = b = c …`; AND and OR do not count):
/// evaluation calls itself for each.
const LONGEST_CHAIN: usize = 64;

/// The text of a `filter=` value, trimmed, if it is CQL2.
pub(super) fn check(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    expression(text)?;
    Ok(text.to_owned())
}

/// The expression that CQL2 text stands for.
pub(super) fn expression(text: &str) -> Result<Expr, Fault> {
    const FORM: &str = "write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'";
    if text.is_empty() {
        return Err(Fault::new("there is no filter after the =").hint(FORM));
    }
    if text.starts_with('{') {
        return Err(Fault::new("CQL2 JSON has no place in a path").hint(FORM));
    }
    shape(text)?;
    let parsed = cql2::parse_text(text).map_err(|error| Fault::new(words(text, &error)).hint(FORM))?;
    if deeper_than(&parsed, LONGEST_CHAIN) {
        return Err(Fault::new(format!("it chains more than {LONGEST_CHAIN} operators"))
            .hint("write it as several filters"));
    }
    match parsed {
        Expr::Literal(_) | Expr::Float(_) | Expr::Array(_) | Expr::Geometry(_) | Expr::Null => {
            Err(Fault::new("it asks nothing of an item").hint(FORM))
        }
        condition => Ok(condition),
    }
}

/// Refuses what would cost the parser too much: quotes and brackets that do not close, and deep nesting.
fn shape(text: &str) -> Result<(), Fault> {
    let mut open: Option<char> = None;
    let (mut depth, mut prefixes) = (0usize, 0usize);
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if let Some(quote) = open {
            open = (c != quote).then_some(quote);
            continue;
        }
        if c.is_alphanumeric() || "_.:".contains(c) {
            word.push(c);
            continue;
        }
        match std::mem::take(&mut word).to_lowercase().as_str() {
            "" => {}
            "not" => prefixes += 1,
            _ => prefixes = 0,
        }
        match c {
            '\'' | '"' => (open, prefixes) = (Some(c), 0),
            '(' => depth += 1,
            ')' if depth == 0 => {
                return Err(Fault::new("a ) closes nothing").hint("take it away, or open it with ("));
            }
            ')' => depth -= 1,
            '-' => prefixes += 1,
            _ => {}
        }
        if depth + prefixes > DEEPEST {
            return Err(Fault::new(format!("it nests deeper than {DEEPEST}"))
                .hint("split it at its ANDs: each filter= directory narrows further"));
        }
    }
    match (open, depth) {
        (Some(quote), _) => Err(Fault::new(format!("a {quote} is not closed"))
            .hint(format!("close it, and double a {quote} in the text"))),
        (None, 1..) => Err(Fault::new("a ( is not closed").hint("close it with )")),
        (None, 0) => Ok(()),
    }
}

/// Whether an expression nests deeper than that. Calls nothing that calls itself.
fn deeper_than(expr: &Expr, most: usize) -> bool {
    let mut open = vec![(expr, 0)];
    while let Some((expr, depth)) = open.pop() {
        if depth > most {
            return true;
        }
        match expr {
            Expr::Operation { args: parts, .. }
            | Expr::Array(parts)
            | Expr::Interval { interval: parts }
            | Expr::BBox { bbox: parts } => open.extend(parts.iter().map(|part| (part.as_ref(), depth + 1))),
            Expr::Date { date: part } | Expr::Timestamp { timestamp: part } => open.push((part, depth + 1)),
            _ => {}
        }
    }
    false
}

/// Where the parser stopped, in one line.
fn words(text: &str, error: &cql2::Error) -> String {
    let place = match error {
        cql2::Error::Pest(error) => match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => text.get(at..),
        },
        _ => None,
    };
    match place {
        Some(rest) if rest.trim().is_empty() => "it ends too early".to_owned(),
        Some(rest) => format!("it cannot be read from {:?} on", rest.chars().take(20).collect::<String>()),
        None => format!("it cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cql::Filter;
    use super::super::evaluate::Seen;
    use super::*;
    use crate::item::Item;

    /// Each of these costs the parser or the stack as much as it can: they must come to an end, in a thread
    /// with the stack of any other.
    #[test]
    fn hostile_filters_come_to_an_end() {
        let nested = |inner: &str, depth: usize| format!("{}{inner}{}", "(".repeat(depth), ")".repeat(depth));
        let item =
            Item::from_json(r#"{"type":"Feature","id":"x","properties":{"a":true,"b":[1,2]}}"#).unwrap();
        let seen = Seen { item: &item, collection: None };
        for (text, good) in [
            (nested("a=1", DEEPEST), true),
            (nested("a=1", DEEPEST + 1), false),
            (nested("a=", DEEPEST), false),
            (nested("a=1 a", DEEPEST), false),
            (nested(&format!("a=1 and {}", nested("b=", 5)), 5), false),
            (format!("{}a", "not ".repeat(DEEPEST)), true),
            (format!("{}a", "not ".repeat(DEEPEST + 1)), false),
            (format!("a = {}1", "-".repeat(900)), false),
            (format!("{}b=2", "a=1 or ".repeat(140)), true),
            (format!("{}1", "a=".repeat(60)), true),
            (format!("{}1", "a+".repeat(60)), true),
            (format!("{}1", "a=".repeat(500)), false),
            (format!("{}1", "a+".repeat(500)), false),
            (format!("{}1", "a in ".repeat(200)), false),
            (format!("a in ({}1)", "1,".repeat(400)), true),
            ("POLYGON((0 0,".repeat(60), false),
            ("'".repeat(1001), false),
            ("\"".repeat(1000), true),
        ] {
            assert_eq!(check(&text).is_ok(), good, "{text}");
            if let Ok(filter) = Filter::new(&text) {
                filter.matches(&seen);
            }
        }
    }

    #[test]
    fn quotes_hide_brackets() {
        for good in ["a = '((((((((((((((('", "\"(((\" = 1", "a = 'it''s ('"] {
            assert_eq!(check(good), Ok(good.to_owned()));
        }
    }
}
