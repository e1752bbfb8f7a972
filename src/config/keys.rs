//! Every key of the configuration, in one table: parsing, "did you mean", `config init` and `config show` all
//! read it from here.

use super::value::{Kind, nearest};

/// A section and what may stand in it.
#[derive(Debug)]
pub(super) struct Section {
    /// `mount`, or `source` for `[source NAME]`.
    pub(super) name: &'static str,
    /// Whether a name of the user's own follows in the header.
    pub(super) named: bool,
    /// What it is for.
    pub(super) doc: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// As written; a `*` at its end stands for a name of the user's own.
    pub(super) name: &'static str,
    /// What its value must look like.
    pub(super) kind: Kind,
    /// Its default as one would write it; empty where there is none.
    pub(super) default: &'static str,
    /// What it does.
    pub(super) doc: &'static str,
}

/// How a key was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `password = …`: the value itself.
    Plain,
    /// `password_env = NAME`: a variable that holds it.
    Environment,
    /// `password_command = …`: a command that prints it.
    Command,
}

/// A written key that the table knows.
#[derive(Debug)]
pub(super) struct Match<'a> {
    /// Its row.
    pub(super) key: &'static Key,
    /// How it was written.
    pub(super) form: Form,
    /// What stood for the `*`, else empty.
    pub(super) rest: &'a str,
}

impl Key {
    /// Reads a key as written; `None` where it is not this one.
    fn matches<'a>(&'static self, written: &'a str) -> Option<Match<'a>> {
        let forms: &[(Form, &str)] = match self.kind {
            Kind::Secret => &[(Form::Plain, ""), (Form::Environment, "_env"), (Form::Command, "_command")],
            _ => &[(Form::Plain, "")],
        };
        forms.iter().find_map(|(form, suffix)| {
            let rest = match self.name.strip_suffix('*') {
                None => written.strip_prefix(self.name)?.strip_prefix(suffix)?,
                Some("") => written,
                Some(stem) => {
                    let stem = stem.trim_end_matches('.');
                    written.strip_prefix(stem)?.strip_prefix(suffix)?.strip_prefix('.')?
                }
            };
            (rest.is_empty() != self.name.ends_with('*')).then_some(Match { key: self, form: *form, rest })
        })
    }
}

impl Section {
    /// The section with this header word.
    pub(super) fn find(name: &str) -> Option<&'static Section> {
        SECTIONS.iter().find(|section| section.name == name)
    }

    /// The row a written key belongs to; else what to write instead.
    pub(super) fn key<'a>(&'static self, written: &'a str) -> Result<Match<'a>, String> {
        if let Some(found) = self.keys.iter().find_map(|key| key.matches(written)) {
            return Ok(found);
        }
        let header = if self.named { format!("[{} …]", self.name) } else { format!("[{}]", self.name) };
        let names = || self.keys.iter().map(|key| key.name);
        let elsewhere =
            || SECTIONS.iter().find(|other| other.keys.iter().any(|key| key.matches(written).is_some()));
        let stem = written.trim_end_matches("_env").trim_end_matches("_command");
        Err(if let Some(near) = nearest(written, names()).or_else(|| nearest(stem, names())) {
            format!("{header} has no key {written}; did you mean {near}?")
        } else if let Some(other) = elsewhere().filter(|other| other.name != "aoi") {
            format!("{header} has no key {written}; it belongs in [{}]", other.name)
        } else {
            format!("{header} has no key {written}; it knows {}", names().collect::<Vec<_>>().join(", "))
        })
    }
}

/// A row of the table.
const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

/// USGS M2M's base.
pub(super) const M2M: &str = "https://m2m.cr.usgs.gov/api/api/json/stable/";
/// Indexers and thumbnailers of the usual desktops and systems, by the names of their processes.
const CRAWLERS: &str = "tracker-*, localsearch*, baloo*, updatedb*, mlocate, plocate-build, mds, mdworker*, \
                        tumblerd, *thumbnailer*, recollindex, nepomuk*, strigi*, beagled, zeitgeist*";
/// ESPA's base.
pub(super) const ESPA: &str = "https://espa.cr.usgs.gov/api/v1/";

/// All sections, in the order of the file that `config init` writes.
#[rustfmt::skip] // A row per key reads better than a line per argument.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "mount",
        named: false,
        doc: "What a mount looks like.",
        keys: &[
            key("max_items", Kind::Count, "10000",
                "Items a listing shows before it is cut (TRUNCATED.txt says so). 0: no limit."),
            key("max_scan", Kind::Count, "20000",
                "Items read for a filter that the server cannot do and that is done here."),
            key("metadata_lifetime", Kind::Duration, "15m",
                "How long listings and items are taken for true."),
            key("version_lifetime", Kind::Duration, "5m",
                "How long a file's version is taken for true when it is opened."),
            key("allow_other", Kind::Boolean, "no",
                "Other users may look in. Needs user_allow_other in /etc/fuse.conf, unless root mounts."),
            key("show_derived", Kind::Boolean, "no",
                "List items.geojson and mosaics/ too, for file dialogs. Walks (find, cp -r) then meet them."),
            key("aoi_folder", Kind::Path, "",
                "Folder of NAME.geojson for intersects=NAME. Default: aoi beside the usual config.ini."),
            key("netrc", Kind::Boolean, "yes",
                "Use ~/.netrc for hosts that have no credential here."),
            key("log", Kind::Path, "",
                "Where a mount in the background logs. Default: nowhere."),
            key("crawlers", Kind::List, CRAWLERS,
                "Programs that look into every file there is: they are given names but no content. Empty: none."),
            key("process_budget", Kind::Size, "",
                "Most bytes of files that each program run may have fetched; then its reads fail. Default: any number."),
        ],
    },
    Section {
        name: "limits",
        named: false,
        doc: "How long things may take.",
        keys: &[
            key("metadata_silence", Kind::Wait, "10s",
                "ls, stat and open end in \"timed out\" after so long without a byte from the server …"),
            key("metadata_total", Kind::Wait, "1m",
                "… or after so long in all. The work goes on, and its answer waits for the next try."),
            key("read_silence", Kind::Wait, "1m",
                "A read ends in \"timed out\" after so long without a byte."),
            key("staging_wait", Kind::Wait, "10m",
                "A read of a product that USGS must prepare first ends in \"timed out\" after so long; the\n\
                 preparation goes on."),
            key("staging_pause", Kind::Wait, "10s",
                "Between two questions whether it is ready. USGS wants 10 s or more."),
            key("per_host", Kind::Positive, "16", "Requests in flight per host."),
        ],
    },
    Section {
        name: "cache",
        named: false,
        doc: "The cache on disk. What was read once is read from there.",
        keys: &[
            key("folder", Kind::Path, "",
                "Where it is. Default: $XDG_CACHE_HOME/stacfs (~/.cache/stacfs)."),
            key("max_bytes", Kind::Size, "",
                "How much it may hold. Default: a tenth of the file system it is on."),
            key("min_free", Kind::Size, "2G",
                "How much of that file system it always leaves free."),
        ],
    },
    Section {
        name: "aoi",
        named: false,
        doc: "Areas of interest beside those in the AOI folder: NAME = FILE.geojson, used as intersects=NAME.",
        keys: &[key("*", Kind::Path, "",
                "A GeoJSON file. Relative to this file's folder.")],
    },
    Section {
        name: "source",
        named: true,
        doc: "A source. Its name is its directory where there are several. Secrets stay with the source's own\n\
              origin (scheme, host, port). The environment wins over this file: STACFS_<NAME>_TOKEN,\n\
              STACFS_<NAME>_USERNAME and STACFS_<NAME>_PASSWORD, the name in capitals, other signs as _.",
        keys: &[
            key("type", Kind::Choice(&["stac", "usgs"]), "stac", "stac (needs url or file) or usgs."),
            key("url", Kind::Url, "",
                "A STAC API or a static catalogue; which of them is found out by asking."),
            key("file", Kind::Path, "",
                "A catalogue, ItemCollection or NDJSON file instead."),
            key("username", Kind::Text, "",
                "HTTP Basic, with password. For usgs: the ERS name."),
            key("password", Kind::Secret, "",
                "The password itself, or password_env = VARIABLE, or password_command = COMMAND."),
            key("token", Kind::Secret, "",
                "Bearer token (also token_env, token_command). For usgs: the M2M application token."),
            key("header.*", Kind::Secret, "",
                "A header of the server's own: header.X-Api-Key = … (also header_env.X-Api-Key …)."),
            key("query.*", Kind::Secret, "",
                "A query parameter of the server's own: query.api_key = … (also query_env.api_key …)."),
            key("oauth2_token_url", Kind::Url, "",
                "OAuth 2 instead: where tokens are had, with client_id and client_secret (or a login)."),
            key("client_id", Kind::Text, "", "For oauth2_token_url."),
            key("client_secret", Kind::Secret, "", "For oauth2_token_url."),
            key("scope", Kind::Text, "", "For oauth2_token_url, where the server wants one."),
            key("sas_url", Kind::Url, "",
                "Where tokens for its blobs at Azure are had. Default: Planetary Computer's, for its own API."),
            key("max_items", Kind::Count, "", "As in [mount], for this source."),
            key("max_scan", Kind::Count, "", "As in [mount], for this source."),
            key("metadata_lifetime", Kind::Duration, "", "As in [mount], for this source."),
            key("page_size", Kind::Positive, "",
                "Items asked for per page. Default: chosen by what the server allows."),
            key("conformance", Kind::Abilities, "",
                "What the server can (+filter) or cannot (-post) do, where it says otherwise."),
            key("m2m_url", Kind::Url, "",
                "For usgs: another M2M, e.g. a test server."),
            key("espa_url", Kind::Url, "", "For usgs: another ESPA."),
            key("accept_eula", Kind::List, "", "For usgs: as in [usgs]."),
        ],
    },
    Section {
        name: "credential",
        named: true,
        doc: "A credential for a host that is no source, e.g. where a source keeps its assets.",
        keys: &[
            key("origin", Kind::Url, "",
                "Scheme, host and port it is sent to, and nowhere else: https://data.example.org (or https://*.example.org)"),
            key("username", Kind::Text, "", "HTTP Basic, with password."),
            key("password", Kind::Secret, "", "As in [source …]."),
            key("token", Kind::Secret, "", "As in [source …]."),
            key("header.*", Kind::Secret, "", "As in [source …]."),
            key("query.*", Kind::Secret, "", "As in [source …]."),
            key("oauth2_token_url", Kind::Url, "", "As in [source …]."),
            key("client_id", Kind::Text, "", "As in [source …]."),
            key("client_secret", Kind::Secret, "", "As in [source …]."),
            key("scope", Kind::Text, "", "As in [source …]."),
            key("sas_url", Kind::Url, "", "As in [source …], for blobs at this origin."),
        ],
    },
    Section {
        name: "s3",
        named: true,
        doc: "An object store that speaks S3, for s3:// hrefs. AWS needs no section: it is asked without keys, and\n\
              where it refuses, with those of AWS_ACCESS_KEY_ID … or of AWS_PROFILE in ~/.aws.",
        keys: &[
            key("endpoint", Kind::Url, "", "Its address, where it is not AWS: https://eodata.example.org"),
            key("buckets", Kind::List, "", "The buckets it is for. Default: all that no other [s3 …] names."),
            key("region", Kind::Text, "", "Its region, where the server does not say."),
            key("profile", Kind::Text, "", "The profile in ~/.aws that has the keys."),
            key("access_key_id", Kind::Text, "", "The keys themselves, instead of a profile."),
            key("secret_access_key", Kind::Secret, "",
                "Also secret_access_key_env, secret_access_key_command."),
            key("session_token", Kind::Secret, "", "Of temporary keys."),
            key("requester_pays", Kind::Boolean, "no",
                "Read at your own cost where the owner wants that. Needs keys."),
            key("requester_pays_budget", Kind::Size, "1G",
                "How much one mount may read so; then reads end in \"disk quota exceeded\"."),
        ],
    },
    Section {
        name: "usgs",
        named: false,
        doc: "USGS login for every source of type usgs. ~/.lsru is read too, where it exists.",
        keys: &[
            key("username", Kind::Text, "", "ERS user name."),
            key("token", Kind::Secret, "",
                "M2M application token: search and download."),
            key("password", Kind::Secret, "", "ERS password: ESPA orders."),
            key("accept_eula", Kind::List, "",
                "Codes of the agreements that you accept, where M2M gives files under one (HDDS)."),
            key("m2m_url", Kind::Url, M2M, "M2M's base."),
            key("espa_url", Kind::Url, ESPA, "ESPA's base."),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> &'static Section {
        Section::find("source").unwrap()
    }

    #[test]
    fn secrets_have_three_forms() {
        let form = |written| source().key(written).map(|found| (found.key.name, found.form, found.rest));
        assert_eq!(form("password").unwrap(), ("password", Form::Plain, ""));
        assert_eq!(form("password_env").unwrap(), ("password", Form::Environment, ""));
        assert_eq!(form("header.X-Key").unwrap(), ("header.*", Form::Plain, "X-Key"));
        assert_eq!(form("header_command.X-Key").unwrap(), ("header.*", Form::Command, "X-Key"));
        assert!(form("header.").is_err());
        assert!(form("username_env").is_err());
    }

    #[test]
    fn a_wrong_key_is_told_the_right_one() {
        assert!(source().key("ulr").unwrap_err().ends_with("did you mean url?"));
        assert!(source().key("pasword_env").unwrap_err().ends_with("did you mean password?"));
        assert!(source().key("read_silence").unwrap_err().ends_with("it belongs in [limits]"));
        assert!(source().key("zzzzzzzz").unwrap_err().contains("it knows type, url"));
    }

    #[test]
    fn every_default_is_a_value() {
        for key in SECTIONS.iter().flat_map(|section| section.keys).filter(|key| !key.default.is_empty()) {
            assert_eq!(key.kind.check(key.default), Ok(()), "{}", key.name);
        }
    }
}
