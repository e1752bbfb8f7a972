//! `client.search(…)` of pystac-client: the call's keywords, with literals for values.

use serde_json::{Map, Number, Value};

use super::wish::Wish;

/// What a pasted call means. `Client.open("URL")` beside it names the catalogue.
pub(super) fn parse(text: &str) -> Result<Wish, String> {
    let mut wish = Wish::default();
    wish.source = opened(text);
    let Some(at) = text.find("search(") else {
        return Err("there is no search(…) in this; paste that call too".to_owned());
    };
    let mut reader = Reader { rest: &text[at + "search(".len()..] };
    let mut filter = None;
    loop {
        reader.skip();
        if reader.take(')') {
            break;
        }
        let name = reader.name().ok_or_else(|| reader.wrong("a keyword such as collections="))?;
        reader.expect('=')?;
        let value = reader.value().map_err(|why| format!("{name}: {why}"))?;
        match name.as_str() {
            "filter" => filter = Some(value),
            // The filter's own form tells which it is.
            "filter_lang" => {}
            _ => keyword(&mut wish, &name, &value)?,
        }
        reader.skip();
        if !reader.take(',') && !reader.rest.starts_with(')') {
            return Err(reader.wrong("a comma or )"));
        }
    }
    match filter {
        Some(Value::Null) | None => {}
        Some(filter) => wish.filter(&filter)?,
    }
    Ok(wish)
}

/// The URL of `Client.open("…")`.
fn opened(text: &str) -> Option<String> {
    let at = text.find("open(")?;
    let mut reader = Reader { rest: &text[at + "open(".len()..] };
    reader.skip();
    match reader.value().ok()? {
        Value::String(url) => Some(url),
        _ => None,
    }
}

fn keyword(wish: &mut Wish, name: &str, value: &Value) -> Result<(), String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list = |value: &Value| match value {
        Value::Array(members) => members.iter().map(text).collect(),
        other => vec![text(other)],
    };
    match (name, value) {
        (_, Value::Null) => {}
        ("collections", _) => wish.collections = list(value),
        ("ids", _) => wish.list("ids", list(value).iter()),
        ("bbox", _) => wish.raw("bbox", list(value).join(",")),
        ("intersects", Value::Object(_)) => wish.area = Some(value.to_string()),
        ("intersects", _) => wish.area = Some(text(value)),
        ("datetime", Value::Array(ends)) => {
            let end = |at: usize| ends.get(at).filter(|end| !end.is_null()).map(text).unwrap_or_default();
            wish.datetime(&format!("{}/{}", end(0), end(1)));
        }
        ("datetime", _) => wish.datetime(&text(value)),
        ("query", Value::Object(_)) => wish.conditions(value)?,
        ("query", _) => list(value).iter().try_for_each(|text| wish.condition(text))?,
        ("sortby", Value::Array(members)) => {
            let field = |member: &Value| match member.get("field").and_then(Value::as_str) {
                Some(field) => {
                    let down = member.get("direction").and_then(Value::as_str) == Some("desc");
                    format!("{}{field}", if down { "-" } else { "" })
                }
                None => text(member),
            };
            wish.raw("sortby", members.iter().map(field).collect::<Vec<_>>().join(","));
        }
        ("sortby", _) => wish.raw("sortby", text(value)),
        ("max_items", _) => wish.raw("max_items", text(value)),
        ("q", _) => wish.list("q", list(value).iter()),
        // How it is asked.
        ("limit" | "method" | "fields", _) => {}
        _ => return Err(format!("search() has no {name}")),
    }
    Ok(())
}

/// What is left to read.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Passes over spaces and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else { return };
            self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, sign: char) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        self.skip();
        if self.take(sign) { Ok(()) } else { Err(self.wrong(&sign.to_string())) }
    }

    fn wrong(&self, wanted: &str) -> String {
        let here: String = self.rest.chars().take(20).collect();
        format!("{here:?} stands where {wanted} is expected")
    }

    fn name(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// A literal.
    fn value(&mut self) -> Result<Value, String> {
        self.skip();
        match self.rest.chars().next() {
            Some('"' | '\'') => self.string().map(Value::String),
            Some('[') => self.members('[', ']'),
            Some('(') => self.members('(', ')'),
            Some('{') => self.object(),
            Some(sign) if sign.is_ascii_digit() || "+-.".contains(sign) => self.number(),
            _ => match self.name().as_deref() {
                Some("None") => Ok(Value::Null),
                Some("True") => Ok(Value::Bool(true)),
                Some("False") => Ok(Value::Bool(false)),
                Some(name) => Err(format!("{name} is a variable; write its value in its place")),
                None => Err(self.wrong("a value")),
            },
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let mut signs = self.rest.char_indices();
        let Some((_, mark)) = signs.next() else { return Err(self.wrong("a text")) };
        let mut text = String::new();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '\\' => text.extend(signs.next().map(|(_, sign)| if sign == 'n' { '\n' } else { sign })),
                _ if sign == mark => {
                    self.rest = &self.rest[at + sign.len_utf8()..];
                    return Ok(text);
                }
                _ => text.push(sign),
            }
        }
        Err("a quotation mark is not closed".to_owned())
    }

    fn number(&mut self) -> Result<Value, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-._".contains(c));
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let plain = text.replace('_', "");
        let whole = plain.parse::<i64>().ok().map(Number::from);
        let number = whole.or_else(|| Number::from_f64(plain.parse().ok()?));
        self.rest = rest;
        number.map(Value::Number).ok_or_else(|| format!("{text} is no number"))
    }

    fn members(&mut self, open: char, close: char) -> Result<Value, String> {
        self.expect(open)?;
        let mut members = Vec::new();
        loop {
            self.skip();
            if self.take(close) {
                return Ok(Value::Array(members));
            }
            members.push(self.value()?);
            self.skip();
            if !self.take(',') && !self.rest.starts_with(close) {
                return Err(self.wrong("a comma"));
            }
        }
    }

    fn object(&mut self) -> Result<Value, String> {
        self.expect('{')?;
        let mut members = Map::new();
        loop {
            self.skip();
            if self.take('}') {
                return Ok(Value::Object(members));
            }
            let key = self.string()?;
            self.expect(':')?;
            members.insert(key, self.value()?);
            self.skip();
            if !self.take(',') && !self.rest.starts_with('}') {
                return Err(self.wrong("a comma"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_call_is_understood() {
        let wish = parse(
            "client = Client.open('https://stac.example.org/api')\n\
             items = client.search(\n  collections=['moon'],  # one\n  bbox=(-10, 0, 2.5, 2.5,),\n  \
             datetime=\"2018-01-01/..\", query={'eo:cloud_cover': {'lt': 20}}, sortby=[{'field': 'gsd', \
             'direction': 'desc'}],\n  limit=100, max_items=None, filter=None).items()",
        )
        .unwrap();
        assert_eq!(wish.source.as_deref(), Some("https://stac.example.org/api"));
        assert_eq!(wish.collections, ["moon"]);
        assert_eq!(
            wish.segments(None).unwrap(),
            ["bbox=-10,0,2.5,2.5", "datetime=2018..", "eo:cloud_cover.lt=20", "sortby=-gsd"]
        );
    }

    #[test]
    fn what_is_no_literal_is_told() {
        let told = |text| parse(text).unwrap_err();
        assert_eq!(told("search(bbox=my_box)"), "bbox: my_box is a variable; write its value in its place");
        assert!(told("search(['moon'])").contains("a keyword"));
        assert!(told("search(bbox=[1, 2").contains("expected"));
        assert!(told("search(colour='red')").contains("has no colour"));
        assert!(told("search(ids='a").contains("not closed"));
        assert!(told("open('https://a')").contains("no search"));
    }
}
