//! `stac-client search …`, the command of pystac-client: its words, and what they mean.

use serde_json::Value;

use super::wish::Wish;

/// Splits a pasted line into words as a POSIX shell does, without anything that a shell would run.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, quote) {
            (_, Some(mark)) if sign == mark => quote = None,
            ('\\', None | Some('"')) => match signs.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            (_, Some(_)) => word.get_or_insert_default().push(sign),
            ('\'' | '"', None) => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            ('|' | ';', None) => break, // What comes behind works on its output.
            (_, None) if sign.is_whitespace() => words.extend(word.take()),
            (_, None) => word.get_or_insert_default().push(sign),
        }
    }
    if quote.is_some() {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// What the words of a command mean.
pub(super) fn parse(words: &[String]) -> Result<Wish, String> {
    let mut words = words.iter().map(String::as_str).skip_while(|word| *word == "$").peekable();
    if !words.next().is_some_and(|word| word.ends_with("stac-client")) || words.next() != Some("search") {
        return Err(
            "this is no search; paste stac-client search URL …, or client.search(…) in one word".to_owned()
        );
    }
    let mut wish = Wish::default();
    let mut language = "cql2-json".to_owned();
    let mut filter = None;
    while let Some(word) = words.next() {
        let (option, attached) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        let mut values: Vec<&str> = attached.into_iter().collect();
        let most = match option {
            "--matched" | "--clear-conforms-to" => 0,
            "-c"
            | "--collections"
            | "--ids"
            | "--query"
            | "--sortby"
            | "--fields"
            | "--headers"
            | "--error"
            | "--ignore"
            | "--add-conforms-to"
            | "--remove-conforms-to" => usize::MAX,
            "--bbox" => 4,
            _ => 1,
        };
        if option.starts_with('-') && attached.is_none() {
            while values.len() < most && words.peek().is_some_and(|next| is_value(next)) {
                values.extend(words.next());
            }
        }
        let one = values.first().copied().unwrap_or_default();
        let owned: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        match option {
            "-c" | "--collections" => wish.collections.extend(members(&owned)),
            "--ids" => wish.list("ids", members(&owned).iter()),
            "--bbox" => wish.raw("bbox", values.join(",")),
            "--intersects" => wish.area = Some(one.to_owned()),
            "--datetime" => wish.datetime(one),
            "--query" => values.iter().try_for_each(|text| wish.condition(text))?,
            "--filter" => filter = Some(one.to_owned()),
            "--filter-lang" => language = one.to_owned(),
            "--sortby" => wish.raw("sortby", values.join(",")),
            "--max-items" => wish.raw("max_items", one.to_owned()),
            // How it is asked and printed; `--limit` is a page's size.
            "--limit"
            | "--method"
            | "--save"
            | "--matched"
            | "--headers"
            | "--fields"
            | "--logging"
            | "--error"
            | "--ignore"
            | "--add-conforms-to"
            | "--remove-conforms-to"
            | "--clear-conforms-to" => {}
            url if url.contains("://") => wish.source = Some(url.to_owned()),
            other => return Err(format!("stac-client search has no {other}")),
        }
    }
    if let Some(text) = filter {
        let value = match language.as_str() {
            "cql2-text" => Value::String(text),
            _ => serde_json::from_str(&text).map_err(|error| {
                format!("the filter is no JSON ({error}); for text add --filter-lang cql2-text")
            })?,
        };
        wish.filter(&value)?;
    }
    Ok(wish)
}

/// Whether a word is a value: a negative number is one, an option and the URL are not.
fn is_value(word: &str) -> bool {
    (!word.starts_with('-')
        || word.parse::<f64>().is_ok()
        || word[1..].starts_with(|c: char| c.is_alphanumeric()) && word.len() > 2)
        && !word.contains("://")
}

/// Lists come with spaces or with commas.
fn members(values: &[String]) -> Vec<String> {
    values.iter().flat_map(|value| value.split(',')).filter(|m| !m.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(line: &str) -> Result<Vec<String>, String> {
        let wish = parse(&words(line)?)?;
        let mut all = wish.collections.clone();
        all.extend(wish.segments(None)?);
        Ok(all)
    }

    #[test]
    fn a_pasted_command_is_understood() {
        for (line, wanted) in [
            (
                "stac-client search https://stac.example.org -c moon --bbox -10 0 2.5 2.5 --datetime 2018-01/2018-03 \
                 --matched",
                vec!["moon", "bbox=-10,0,2.5,2.5", "datetime=2018-01..2018-03"],
            ),
            (
                "$ stac-client search -c moon --query 'eo:cloud_cover<20' platform=landsat-8 --sortby -datetime \
                 --max-items=5 https://stac.example.org | jq .",
                vec!["moon", "eo:cloud_cover.lt=20", "platform=landsat-8", "sortby=-datetime", "max_items=5"],
            ),
            (
                "stac-client search https://s.example --ids a b \\\n --filter '{\"op\":\"<\",\"args\":[{\"property\":\"gsd\"},5]}'",
                vec!["ids=a,b", "filter=gsd < 5"],
            ),
            (
                "stac-client search https://s.example --datetime ../2018 --filter \"gsd<5\" --filter-lang cql2-text",
                vec!["datetime=..2018", "filter=gsd<5"],
            ),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|text| percent_free(text)).collect();
            let found: Vec<String> = segments(line).unwrap().iter().map(|text| percent_free(text)).collect();
            assert_eq!(found, wanted, "{line}");
        }
    }

    /// The canonical spelling escapes what a shell would take for its own.
    fn percent_free(text: &str) -> String {
        percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
    }

    #[test]
    fn the_url_is_the_source() {
        let line = "stac-client search -c moon https://stac.example.org/api --limit 5";
        assert_eq!(
            parse(&words(line).unwrap()).unwrap().source.as_deref(),
            Some("https://stac.example.org/api")
        );
    }

    #[test]
    fn what_is_no_search_is_told() {
        assert!(segments("ls -l").unwrap_err().contains("this is no search"));
        assert!(segments("stac-client collections https://a").unwrap_err().contains("this is no search"));
        assert!(segments("stac-client search 'a").unwrap_err().contains("not closed"));
        assert!(segments("stac-client search u://a --bbx 1").unwrap_err().contains("has no --bbx"));
        assert!(segments("stac-client search u://a --query gsd").unwrap_err().contains("has no sign"));
        assert!(segments("stac-client search u://a --bbox 1 2").unwrap_err().contains("bbox=1,2"));
    }
}
