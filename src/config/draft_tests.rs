//! Tests of the way from files and environment to a configuration.

use std::os::unix::fs::PermissionsExt;

use url::Url;

use super::*;
use crate::config::{Credential, Grant, Scope, Secret, SourceKind};

/// A home folder with files in it, all private.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![("HOME".to_owned(), folder.path().to_str().unwrap().to_owned())];
        Home { folder, variables }
    }

    fn with(self, name: &str, text: &str) -> Home {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        self
    }

    fn config(self, text: &str) -> Home {
        self.with(".config/stacfs/config.ini", text)
    }

    fn variable(mut self, name: &str, value: &str) -> Home {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn draft(&self) -> Result<Draft, String> {
        let environment = self.variables.iter().cloned().collect();
        Draft::read(None, environment).map_err(|error| error.to_string())
    }

    fn mount(&self, sources: &[&str]) -> Result<Config, String> {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        self.draft()?.resolve(&Choice { sources, ..Choice::default() }).map_err(|error| error.to_string())
    }
}

fn names(config: &Config) -> Vec<&str> {
    config.sources.iter().map(|source| source.name.as_str()).collect()
}

fn basic(username: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { username: username.to_owned(), password: Secret::new(password) })
}

#[test]
fn the_table_and_the_code_have_the_same_defaults() {
    let config = Home::new().mount(&[]).unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.cache.min_free, 2 << 30);
    assert!(!config.allow_other && !config.show_derived && config.process_budget.is_none());
}

#[test]
fn without_a_configuration_there_is_astrogeology() {
    let config = Home::new().mount(&[]).unwrap();
    assert_eq!((names(&config), config.layout), (vec!["astrogeology"], Layout::Several));
    assert_eq!(config.file, None);
}

#[test]
fn sources_come_from_the_command_line_else_from_the_file() {
    let home = Home::new().config(
        "[source b]\nurl = https://b.example/\nmax_items = 7\npage_size = 50\nconformance = +filter, -post\n\
         [source a]\nfile = items.json\n",
    );
    let all = home.mount(&[]).unwrap();
    assert_eq!((names(&all), all.layout), (vec!["b", "a"], Layout::Several));
    assert_eq!((all.sources[0].max_items, all.sources[0].page_size), (Some(7), Some(50)));
    assert_eq!(all.sources[0].conformance, ["+filter", "-post"]);
    let file = home.folder.path().join(".config/stacfs/items.json");
    assert_eq!(all.sources[1].kind, SourceKind::File(file));

    let one = home.mount(&["a"]).unwrap();
    assert_eq!((names(&one), one.layout), (vec!["a"], Layout::Single));
    let two = home.mount(&["https://x.example/", "b"]).unwrap();
    assert_eq!((names(&two), two.layout), (vec!["x.example", "b"], Layout::Several));
    let same = home.mount(&["https://x.example/1", "https://x.example/2"]).unwrap_err();
    assert!(same.starts_with("x.example: two sources of this name"), "{same}");
    assert!(home.mount(&["bb"]).unwrap_err().ends_with("did you mean b?"));
}

#[test]
fn an_unknown_ability_is_told_the_right_one() {
    let wrong = |value: &str| {
        Home::new()
            .config(&format!("[source b]\nurl = https://b.example/\nconformance = {value}\n"))
            .mount(&[])
            .unwrap_err()
    };
    assert!(wrong("+filtre").ends_with("did you mean filter?"), "{}", wrong("+filtre"));
    assert!(wrong("filter").contains("write +filter or -filter"));
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let home = Home::new().config("[mount]\nmax_items = 1\n[cache]\nfolder = here\nmax_bytes = 2G\n");
    let config = home.mount(&[]).unwrap();
    assert_eq!(config.cache.folder, home.folder.path().join(".config/stacfs/here"));
    assert_eq!((config.cache.max_bytes, config.limits.max_items), (Some(2 << 30), 1));
    let home = home.variable("STACFS_CACHE_DIR", "/env");
    assert_eq!(home.mount(&[]).unwrap().cache.folder, Path::new("/env"));
    let choice = Choice { cache_folder: Some("/cli".into()), max_items: Some(0), ..Choice::default() };
    let config = home.draft().unwrap().resolve(&choice).unwrap();
    assert_eq!((config.cache.folder.as_path(), config.limits.max_items), (Path::new("/cli"), 0));
}

#[test]
fn what_makes_no_source_is_told_with_its_line() {
    for (text, told) in [
        ("[source x]\ntoken_env = T\n", ":1: this source needs a url or a file"),
        ("[source x]\nurl = https://x.example\nfile = f\n", ":3: a source has a url or a file"),
        ("[source x]\ntype = usgs\nurl = https://x.example\n", ":3: type = usgs has addresses of its own"),
        ("[source x]\nurl = https://x.example\nm2m_url = https://y.example\n", ":3: is for type = usgs"),
        ("[source x y]\nurl = https://x.example\n", ":1: \"x y\" cannot name a source"),
        ("[source x]\nfile = f\nusername = u\n", ":3: a file needs no login"),
        ("[credential x]\ntoken_env = T\n", ":1: needs an origin"),
        ("[credential x]\norigin = https://x.example\n", ":1: needs a token"),
    ] {
        let wrong = Home::new().config(text).draft().unwrap_err();
        assert!(wrong.contains(told), "{wrong}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let missing =
        Draft::read(Some(Path::new("/nowhere/c.ini")), Environment::default()).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/c.ini: cannot be read"), "{missing}");
    let home = Home::new().variable("STACFS_CONFIG", "/nowhere/d.ini");
    assert!(home.draft().unwrap_err().starts_with("/nowhere/d.ini"));
}

#[test]
fn the_environment_wins_and_users_are_not_mixed() {
    let text = "[source x]\nurl = https://x.example/\nusername = u\npassword = p\n";
    let credential = |home: Home| home.mount(&["x"]).unwrap().sources.remove(0).credential;
    assert_eq!(credential(Home::new().config(text)), basic("u", "p"));
    let other = Home::new().config(text).variable("STACFS_X_PASSWORD", "q");
    assert_eq!(credential(other), basic("u", "q"));
    let token = Home::new().config(text).variable("STACFS_X_TOKEN", "t");
    assert_eq!(credential(token), Some(Credential::Bearer(Secret::new("t"))));
    let stranger = Home::new().config(text).variable("STACFS_X_USERNAME", "v");
    let told = stranger.mount(&["x"]).unwrap_err();
    assert!(told.contains("no password") && told.contains("STACFS_X_PASSWORD"), "{told}");
}

#[test]
fn a_login_in_a_url_leaves_it() {
    let config = Home::new().mount(&["https://u:p%40q@x.example/api"]).unwrap();
    assert_eq!(config.sources[0].kind, SourceKind::Url(Url::parse("https://x.example/api").unwrap()));
    assert_eq!(config.sources[0].credential, basic("u", "p@q"));
    assert!(!format!("{config:?}").contains("p@q"));
}

#[test]
fn secrets_are_fetched_only_for_the_sources_of_the_mount() {
    let home = Home::new().config(
        "[source x]\nurl = https://x.example/\ntoken_command = echo t\nheader_env.X-Key = K\nquery.k = v\n\
         [source y]\nurl = https://y.example/\ntoken_command = exit 1\n",
    );
    let told = home.mount(&["x"]).unwrap_err();
    assert!(told.contains("variable K is not set"), "{told}");
    let config = home.variable("K", "key").mount(&["x"]).unwrap();
    let origin = Scope::from(Url::parse("https://x.example/").unwrap().origin());
    let grants: Vec<_> =
        config.all_grants().into_iter().map(|grant| (grant.scope, grant.credential)).collect();
    let (name, value) = ("X-Key".to_owned(), Secret::new("key"));
    assert_eq!(
        grants,
        [
            (origin.clone(), Credential::Bearer(Secret::new("t"))),
            (origin.clone(), Credential::Header { name, value }),
            (origin, Credential::Query { name: "k".to_owned(), value: Secret::new("v") }),
        ]
    );
}

#[test]
fn lsru_gives_credentials_and_no_source() {
    let home = Home::new().with(".lsru", "[usgs]\nusername = u\npassword = 5%%#x\n");
    assert_eq!(names(&home.mount(&[]).unwrap()), ["astrogeology"]);
    let config = home.mount(&["usgs"]).unwrap();
    let password = Some(Secret::new("5%#x"));
    assert_eq!(
        config.sources[0].credential,
        Some(Credential::Usgs { username: "u".to_owned(), token: None, password: password.clone() })
    );
    // ESPA's API, and neither its products nor M2M, is sent the password as it is.
    let espa = Url::parse("https://espa.cr.usgs.gov/api/v1/").unwrap();
    let basic = |grant: &&Grant| matches!(grant.credential, Credential::Basic { .. });
    let grants = config.all_grants();
    assert_eq!(
        grants.iter().filter(basic).map(|grant| &grant.scope).collect::<Vec<_>>(),
        [&Scope::tree(&espa)]
    );

    let home = home.variable("STACFS_USGS_TOKEN", "t");
    let config = home.mount(&["eros=usgs"]).unwrap();
    let token = Some(Secret::new("t"));
    assert_eq!(
        config.sources[0].credential,
        Some(Credential::Usgs { username: "u".to_owned(), token, password })
    );
    let wrong = Home::new().with(".lsru", "[usgs]\nusername = u\npassword = 5%\n").draft().unwrap_err();
    assert!(wrong.ends_with(".lsru:3: password: write %% for a percent sign"), "{wrong}");
}

#[test]
fn usgs_may_be_elsewhere() {
    let home = Home::new().config("[usgs]\nm2m_url = http://localhost:1/m2m\n[source u]\ntype = usgs\n");
    let expected = SourceKind::Usgs {
        m2m: Url::parse("http://localhost:1/m2m/").unwrap(),
        espa: Url::parse("https://espa.cr.usgs.gov/api/v1/").unwrap(),
    };
    assert_eq!(home.mount(&["u"]).unwrap().sources[0].kind, expected);
    assert_eq!(home.mount(&["usgs"]).unwrap().sources[0].kind, expected);
}

#[test]
fn netrc_serves_https_and_hosts_without_a_credential() {
    let home = Home::new()
        .with(".netrc", "machine a.example login u password p\nmachine localhost login l password m\n")
        .config("[source own]\nurl = https://a.example/\ntoken = t\n");
    let origins = |config: Config| -> Vec<String> {
        config.all_grants().iter().map(|grant| grant.scope.to_string()).collect()
    };
    let own = home.mount(&["own"]).unwrap();
    assert_eq!(own.all_grants()[0].credential, Credential::Bearer(Secret::new("t")));
    assert_eq!(origins(own), ["https://a.example", "https://localhost"]);
    let local = home.mount(&["http://localhost:8080/", "https://a.example:9/"]).unwrap();
    assert_eq!(
        origins(local),
        ["https://a.example", "https://a.example:9", "https://localhost", "http://localhost:8080"]
    );
    let off =
        Home::new().with(".netrc", "machine a.example login u password p\n").config("[mount]\nnetrc = no\n");
    assert!(off.mount(&["https://a.example/"]).unwrap().all_grants().is_empty());
}

#[test]
fn netrc_serves_espas_api_and_not_its_products() {
    let machine = "machine espa.cr.usgs.gov login u password p\n";
    let home = Home::new().with(".netrc", machine);
    let api = Scope::tree(&Url::parse("https://espa.cr.usgs.gov/api/v1/").unwrap());
    for source in ["usgs", "https://a.example/"] {
        let netrc = home.mount(&[source]).unwrap().netrc;
        assert_eq!(netrc.iter().map(|grant| &grant.scope).collect::<Vec<_>>(), [&api], "{source}");
    }
    // A password of the configuration's own wins.
    let own = Home::new().with(".netrc", machine).config("[usgs]\nusername = v\npassword = q\n");
    assert!(own.mount(&["usgs"]).unwrap().netrc.is_empty());
}

#[test]
fn what_should_be_mended_is_a_warning() {
    let home = Home::new().with(".lsru", "[usgs]\nusername = u\npassword = p\n");
    std::fs::set_permissions(home.folder.path().join(".lsru"), PermissionsExt::from_mode(0o644)).unwrap();
    let warnings = home.mount(&["http://u:p@x.example/"]).unwrap().warnings;
    assert!(warnings[0].contains("chmod 600"), "{warnings:?}");
    assert!(warnings[1].starts_with("http://x.example: the credential"), "{warnings:?}");
    assert_eq!(warnings.len(), 2);
    assert!(Home::new().mount(&["http://u:p@127.0.0.1:1/"]).unwrap().warnings.is_empty());
}
