//! Labels of values in nested groups: PVL and ODL as ISIS, PDS3 and Landsat's MTL write them, and the same as JSON
//! or XML.

use serde_json::{Map, Value};

/// A statement of a label.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::demo) enum Pvl {
    /// `key = value`; text stands in quotes where `value` has them.
    Value(String, String),
    /// `Object = name` and what is in it.
    Object(String, Vec<Pvl>),
    /// `Group = name` and what is in it.
    Group(String, Vec<Pvl>),
}

/// `key = value`.
pub(in crate::demo) fn value(key: &str, value: impl ToString) -> Pvl {
    Pvl::Value(key.to_owned(), value.to_string())
}

/// `key = "text"`.
pub(in crate::demo) fn text(key: &str, text: &str) -> Pvl {
    Pvl::Value(key.to_owned(), format!("\"{text}\""))
}

/// `Object = name` and what is in it.
pub(in crate::demo) fn object(name: &str, inside: Vec<Pvl>) -> Pvl {
    Pvl::Object(name.to_owned(), inside)
}

/// `Group = name` and what is in it.
pub(in crate::demo) fn group(name: &str, inside: Vec<Pvl>) -> Pvl {
    Pvl::Group(name.to_owned(), inside)
}

/// How labels are spelt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::demo) enum Dialect {
    /// `Object`, `End_Object`, equal signs in line.
    Isis,
    /// `OBJECT`, `END_OBJECT = NAME`, lines that end with CR and LF.
    Pds3,
    /// `GROUP`, `END_GROUP = NAME`.
    Mtl,
}

/// The label as text, with its `End`.
pub(in crate::demo) fn print(label: &[Pvl], dialect: Dialect) -> String {
    let mut lines = Vec::new();
    lay_out(label, dialect, 0, &mut lines);
    let (end, line_end) = match dialect {
        Dialect::Isis => ("End", "\n"),
        Dialect::Pds3 => ("END", "\r\n"),
        Dialect::Mtl => ("END", "\n"),
    };
    lines.push(end.to_owned());
    lines.iter().flat_map(|line| [line.as_str(), line_end]).collect()
}

fn lay_out(label: &[Pvl], dialect: Dialect, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let key_width = |one: &Pvl| if let Pvl::Value(key, _) = one { key.len() } else { 0 };
    let width = match dialect {
        Dialect::Isis => label.iter().map(key_width).max().unwrap_or(0),
        Dialect::Pds3 => 30,
        Dialect::Mtl => 0,
    };
    for one in label {
        let (word, name, inside) = match one {
            Pvl::Value(key, value) => {
                lines.push(format!("{indent}{key:width$} = {value}"));
                continue;
            }
            Pvl::Object(name, inside) => ("Object", name, inside),
            Pvl::Group(name, inside) => ("Group", name, inside),
        };
        let (begin, end) = match dialect {
            Dialect::Isis => (format!("{word} = {name}"), format!("End_{word}")),
            Dialect::Pds3 | Dialect::Mtl => {
                let word = word.to_uppercase();
                (format!("{word} = {name}"), format!("END_{word} = {name}"))
            }
        };
        lines.push(format!("{indent}{begin}"));
        lay_out(inside, dialect, depth + 1, lines);
        lines.push(format!("{indent}{end}"));
        if dialect == Dialect::Isis {
            lines.push(String::new());
        }
    }
}

/// The label as JSON: all values are text, without their quotes.
pub(in crate::demo) fn json(label: &[Pvl]) -> Value {
    let entry = |one: &Pvl| match one {
        Pvl::Value(key, value) => (key.clone(), Value::String(bare(value).to_owned())),
        Pvl::Object(name, inside) | Pvl::Group(name, inside) => (name.clone(), json(inside)),
    };
    Value::Object(label.iter().map(entry).collect::<Map<_, _>>())
}

/// The label as XML elements; no value holds a character that XML reserves.
pub(in crate::demo) fn xml(label: &[Pvl]) -> String {
    let element = |one: &Pvl| match one {
        Pvl::Value(key, value) => format!("<{key}>{}</{key}>\n", bare(value)),
        Pvl::Object(name, inside) | Pvl::Group(name, inside) => {
            format!("<{name}>\n{}</{name}>\n", xml(inside))
        }
    };
    label.iter().map(element).collect()
}

fn bare(value: &str) -> &str {
    value.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Vec<Pvl> {
        vec![object("Cube", vec![value("Lines", 3), group("Archive", vec![text("Id", "A1")])])]
    }

    #[test]
    fn dialects() {
        let isis = "Object = Cube\n  Lines = 3\n  Group = Archive\n    Id = \"A1\"\n  End_Group\n\nEnd_Object\n\nEnd\n";
        assert_eq!(print(&label(), Dialect::Isis), isis);
        let mtl = "OBJECT = Cube\n  Lines = 3\n  GROUP = Archive\n    Id = \"A1\"\n  END_GROUP = Archive\nEND_OBJECT = Cube\nEND\n";
        assert_eq!(print(&label(), Dialect::Mtl), mtl);
        assert!(print(&label(), Dialect::Pds3).contains("\r\n  Lines                          = 3\r\n"));
    }

    #[test]
    fn other_forms() {
        assert_eq!(json(&label()).to_string(), r#"{"Cube":{"Lines":"3","Archive":{"Id":"A1"}}}"#);
        assert_eq!(xml(&label()), "<Cube>\n<Lines>3</Lines>\n<Archive>\n<Id>A1</Id>\n</Archive>\n</Cube>\n");
    }
}
