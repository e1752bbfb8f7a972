//! Answers on disk: for their lifetime and their account, across restarts, and offline.

use std::path::Path;

use super::*;
use crate::cache;

/// A source over a cache folder, as another process would open it.
fn opened(desk: &Desk, folder: &Path, user: &str, lifetime: Duration, reach: Reach) -> Usgs {
    let report = Arc::clone(&desk.report);
    let quick = http::Settings { attempts: 1, reach, ..http::Settings::default() };
    let http = Arc::new(Http::new(quick, Vec::new(), Arc::clone(&report)).unwrap());
    let token = Some(Secret::new(format!("{user}-token")));
    let account = Account { username: user.into(), token, password: None };
    let session =
        Arc::new(Session::new(http, Url::parse(&desk.servers.m2m_url).unwrap(), Some(account), None));
    let settings = Settings { lifetime, ..settings() };
    let cache = cache::Settings { folder: folder.to_owned(), max_bytes: Some(1 << 28), min_free: 0 };
    let answers = answers(&session, Cache::open(cache, Arc::clone(&report)), lifetime, reach);
    let patience = Patience { pause: Duration::from_millis(20), most: Duration::from_secs(20) };
    Usgs::new(session, answers, settings, patience, report)
}

const LONG: Duration = Duration::from_secs(600);

/// Looks at what a user looks at: the datasets, a search, a scene of it. Gives the scene.
fn look(source: &Usgs) -> Result<Item, Error> {
    source.describe()?;
    let found = all(source.search(&search(TM, "datetime=2010-05/path=197"))?)?;
    let item = source.item(TM, found[0].id())?.unwrap();
    source.document(&item, "metadata.json")?.unwrap();
    Ok(item)
}

#[test]
fn after_a_restart_nothing_is_asked_that_is_known() {
    let (desk, folder) = (Desk::new(), tempfile::tempdir().unwrap());
    let first = look(&opened(&desk, folder.path(), "demo", LONG, Reach::Online)).unwrap();
    assert!(!desk.asked().is_empty() && first.assets().len() > 5);
    let again = opened(&desk, folder.path(), "demo", LONG, Reach::Online);
    assert_eq!(look(&again).unwrap().raw(), first.raw());
    // Also where nobody listed the search again.
    let again = opened(&desk, folder.path(), "demo", LONG, Reach::Online);
    assert_eq!(again.item(TM, first.id()).unwrap().unwrap().raw(), first.raw());
    let offline = opened(&desk, folder.path(), "demo", Duration::ZERO, Reach::Offline);
    assert_eq!(look(&offline).unwrap().raw(), first.raw());
    assert!(desk.asked().is_empty(), "not even a login");
    let error = all(offline.search(&search(TM, "datetime=2011")).unwrap()).unwrap_err();
    assert!(error.to_string().contains("--offline"), "{error}");
}

#[test]
fn no_account_is_shown_what_another_was() {
    let (desk, folder) = (Desk::new(), tempfile::tempdir().unwrap());
    look(&opened(&desk, folder.path(), "demo", LONG, Reach::Online)).unwrap();
    desk.asked();
    let other = look(&opened(&desk, folder.path(), "browser", LONG, Reach::Online)).unwrap();
    assert!(other.assets().iter().all(|asset| !asset.href().unwrap().starts_with("m2m:")));
    let asked = desk.asked();
    for endpoint in ["login-token", "dataset-search", "scene-search", "download-options"] {
        assert!(asked.iter().any(|asked| asked == endpoint), "{endpoint}: {asked:?}");
    }
    // Access was granted meanwhile: what was refused is not remembered.
    let again = opened(&desk, folder.path(), "browser", LONG, Reach::Online);
    look(&again).unwrap();
    assert_eq!(desk.asked(), ["login-token", "download-options"]);
}

#[test]
fn old_answers_are_asked_for_again_and_serve_while_m2m_is_away() {
    let (desk, folder) = (Desk::new(), tempfile::tempdir().unwrap());
    let source = || opened(&desk, folder.path(), "demo", Duration::ZERO, Reach::Online);
    let first = look(&source()).unwrap();
    desk.asked();
    look(&source()).unwrap();
    assert!(desk.asked().iter().any(|endpoint| endpoint == "download-options"));
    desk.servers.m2m.quirks().maintenance = true;
    assert_eq!(look(&source()).unwrap().raw(), first.raw());
    assert!(desk.report.notes()["usgs: stale"].contains("maintenance"));
    desk.servers.m2m.quirks().maintenance = false;
    look(&source()).unwrap();
    assert!(desk.report.notes().is_empty(), "well again: {:?}", desk.report.notes());
}

#[test]
fn no_secret_reaches_the_disk() {
    let (desk, folder) = (Desk::new(), tempfile::tempdir().unwrap());
    let source = opened(&desk, folder.path(), "demo", LONG, Reach::Online);
    look(&source).unwrap();
    let entries = desk.servers.m2m_server.journal().entries();
    let key = entries.iter().find_map(|entry| entry.headers.get("x-auth-token").map(str::to_owned)).unwrap();
    for place in walk(folder.path()) {
        let bytes = std::fs::read(&place).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&key) && !text.contains("demo-token"), "{}", place.display());
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_page_from_before_its_listings_first_is_asked_for_again() {
    let (desk, folder) = (Desk::new(), tempfile::tempdir().unwrap());
    let session = Session::new(http(&desk.report), Url::parse(&desk.servers.m2m_url).unwrap(), None, None);
    let opened = |reach| {
        let settings =
            cache::Settings { folder: folder.path().into(), max_bytes: Some(1 << 24), min_free: 0 };
        answers(&session, Cache::open(settings, Arc::clone(&desk.report)), LONG, reach)
    };
    let never = || -> Result<Value, Error> { panic!("asked again") };
    let online = opened(Reach::Online);
    online.keep("page 2", &"old".into());
    let came = online.look("page 2").unwrap().at;
    assert_eq!(online.get_since(Some(came), "page 2", never).unwrap(), ("old".into(), came));
    let later = came + Duration::from_nanos(1);
    assert_eq!(opened(Reach::Offline).get_since(Some(later), "page 2", never).unwrap().0, "old");
    let (page, now) = online.get_since(Some(later), "page 2", || Ok("new".into())).unwrap();
    assert!(page == "new" && now >= later);
    assert_eq!(online.get_since(None, "page 2", never).unwrap().0, "new", "for anybody");
}
