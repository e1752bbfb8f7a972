//! `CITATION.bib`, `LICENSE.txt` and `QUERYABLES.md`: what a collection says for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::catalog::Queryable;
use crate::item::Collection;

/// BibTeX of a collection and its publications, by the scientific extension; `None` where it has no DOI and
/// no citation.
pub fn bibtex(collection: &Collection, url: &str) -> Option<String> {
    let text = |key: &str| collection.fields().get(key).and_then(Value::as_str);
    let (doi, citation) = (text("sci:doi"), text("sci:citation"));
    let publications = collection.fields().get("sci:publications").and_then(Value::as_array);
    if doi.is_none() && citation.is_none() && publications.is_none() {
        return None;
    }
    let year = collection
        .span()
        .and_then(|span| span.end.or(span.start))
        .map(|at| at.to_zoned(TimeZone::UTC).year());
    let mut bib = String::new();
    let mut fields = vec![("title", collection.title().unwrap_or(collection.id()).to_owned())];
    fields.extend(producers(collection).map(|names| ("author", names)));
    fields.extend(year.map(|year| ("year", year.to_string())));
    fields.extend(doi.map(|doi| ("doi", doi.to_owned())));
    fields.extend(citation.map(|citation| ("note", citation.to_owned())));
    fields.push(("url", url.to_owned()));
    entry(&mut bib, "misc", &key_of(collection.id()), &fields);
    for (at, publication) in publications.into_iter().flatten().enumerate() {
        let text = |key: &str| publication.get(key).and_then(Value::as_str).map(str::to_owned);
        let fields: Vec<(&str, String)> = [("doi", text("doi")), ("note", text("citation"))]
            .into_iter()
            .filter_map(|(k, v)| Some((k, v?)))
            .collect();
        entry(&mut bib, "article", &format!("{}-{}", key_of(collection.id()), at + 1), &fields);
    }
    Some(bib)
}

fn entry(bib: &mut String, kind: &str, key: &str, fields: &[(&str, String)]) {
    let _ = writeln!(bib, "@{kind}{{{key},");
    for (name, value) in fields {
        let _ = writeln!(bib, "  {name} = {{{}}},", braced(value));
    }
    bib.push_str("}\n");
}

/// Text for between braces: one line, its own braces balanced by leaving them out.
fn braced(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(['{', '}', '\\'], "")
        .replace(['&', '%', '#'], " ")
}

fn key_of(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// The producers (else all providers), as BibTeX authors.
fn producers(collection: &Collection) -> Option<String> {
    let providers = collection.fields().get("providers")?.as_array()?;
    let plays = |provider: &&Value| {
        let roles = provider.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| roles.iter().any(|role| role == "producer"))
    };
    let name = |provider: &Value| provider.get("name").and_then(Value::as_str).map(|n| format!("{{{n}}}"));
    let producing: Vec<String> = providers.iter().filter(plays).filter_map(name).collect();
    let all = || providers.iter().filter_map(name).collect();
    let names: Vec<String> = if producing.is_empty() { all() } else { producing };
    (!names.is_empty()).then(|| names.join(" and "))
}

/// The licence, with the link that tells of it and the providers to credit; `None` without one.
pub fn license(collection: &Collection) -> Option<String> {
    let license = collection.license()?;
    let mut text = format!("{}\n\nLicence: {license}\n", collection.title().unwrap_or(collection.id()));
    let links = collection.links();
    for link in links.iter().filter(|link| link.rel == "license") {
        let title = link.title.as_deref().unwrap_or("text");
        let _ = writeln!(text, "{title}: {}", link.href);
    }
    let providers = collection.fields().get("providers").and_then(Value::as_array);
    for provider in providers.into_iter().flatten() {
        let field = |key: &str| provider.get(key).and_then(Value::as_str).unwrap_or_default();
        let roles: Vec<&str> = provider
            .get("roles")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let _ = writeln!(text, "Provider: {} {} ({})", field("name"), field("url"), roles.join(", "));
    }
    Some(text)
}

/// What may be asked of a collection's items: name, type, range or values, and a path that works.
pub fn queryables(collection: &Collection, queryables: &BTreeMap<String, Queryable>) -> String {
    let mut text = format!(
        "# Queryables of {}\n\nEach may stand in a path: `<name>=<value>`, or with an operator: `ne lt lte gt gte in \
         like between isnull`.\n\n| name | type | values | for example |\n| --- | --- | --- | --- |\n",
        collection.id()
    );
    let mut rows: BTreeMap<&str, (String, String, String)> = BTreeMap::new();
    for (name, queryable) in queryables {
        let kind = queryable.kind.clone().unwrap_or_default();
        rows.insert(name, (kind, values(&queryable.schema), example(name, &queryable.schema)));
    }
    let summaries = collection.fields().get("summaries").and_then(Value::as_object);
    for (name, summary) in summaries.into_iter().flatten() {
        rows.entry(name).or_insert_with(|| (String::new(), values(summary), example(name, summary)));
    }
    for (name, (kind, values, example)) in rows {
        let _ = writeln!(text, "| `{}` | {kind} | {} | {} |", cell(name), cell(&values), cell(&example));
    }
    text
}

/// A range or some values, from a JSON Schema or a summary (`[values]` or `{minimum, maximum}`).
fn values(schema: &Value) -> String {
    let list = |values: &Vec<Value>| {
        let shown: Vec<String> = values.iter().take(12).map(plain).collect();
        let more = if values.len() > 12 { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    if let Some(values) = schema.get("enum").or(Some(schema)).and_then(Value::as_array) {
        return list(values);
    }
    match (schema.get("minimum"), schema.get("maximum")) {
        (None, None) => String::new(),
        (low, high) => {
            format!("{} to {}", low.map(plain).unwrap_or_default(), high.map(plain).unwrap_or_default())
        }
    }
}

fn example(name: &str, schema: &Value) -> String {
    let first =
        schema.get("enum").or(Some(schema)).and_then(Value::as_array).and_then(|values| values.first());
    let maximum = schema.get("maximum").filter(|m| m.is_number());
    match (first, maximum) {
        (Some(value), _) if !value.is_object() => format!("`{name}={}/`", plain(value)),
        (_, Some(high)) => format!("`{name}.lt={}/`", plain(high)),
        _ => String::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collection(fields: Value) -> Collection {
        Collection::from_json(&fields.to_string()).unwrap()
    }

    #[test]
    fn a_citation_names_who_made_it() {
        let moon = collection(
            json!({"id": "kaguya/tc", "title": "Kaguya TC", "sci:doi": "10.5066/X", "sci:citation": "A {b} & c",
            "providers": [{"name": "JAXA", "roles": ["producer"]}, {"name": "AWS", "roles": ["host"]}],
            "extent": {"temporal": {"interval": [["2007-01-01T00:00:00Z", "2009-06-01T00:00:00Z"]]}}}),
        );
        let bib = bibtex(&moon, "https://h/c").unwrap();
        for part in
            ["@misc{kaguya_tc,", "author = {JAXA}", "year = {2009}", "doi = {10.5066/X}", "note = {A b   c}"]
        {
            assert!(bib.contains(part), "{part} in {bib}");
        }
        assert_eq!(bibtex(&collection(json!({"id": "x"})), "u"), None);
    }

    #[test]
    fn queryables_come_with_paths() {
        let schema =
            |v: Value| Queryable { kind: v["type"].as_str().map(str::to_owned), title: None, schema: v };
        let all = BTreeMap::from([
            ("eo:cloud_cover".to_owned(), schema(json!({"type": "number", "minimum": 0, "maximum": 100}))),
            ("platform".to_owned(), schema(json!({"type": "string", "enum": ["landsat-8", "landsat-9"]}))),
        ]);
        let text = queryables(&collection(json!({"id": "c", "summaries": {"gsd": [30]}})), &all);
        assert!(
            text.contains("| `eo:cloud_cover` | number | 0 to 100 | `eo:cloud_cover.lt=100/` |"),
            "{text}"
        );
        assert!(text.contains("`platform=landsat-8/`") && text.contains("`gsd=30/`"), "{text}");
    }
}
