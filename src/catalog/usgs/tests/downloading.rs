//! Downloads: asked for once, waited for, renewed, cleared away.

use super::*;
use crate::catalog::usgs::downloads::nonce;
use crate::content::{self, Origin, Trouble};
use crate::http;

impl Desk {
    /// The origin of a band, and of the bundle, of some scene.
    fn origins(&self) -> (Arc<dyn Origin>, Arc<dyn Origin>) {
        let listed = self.found(TM, "datetime=2010-05");
        let item = self.source.item(TM, listed[0].id()).unwrap().unwrap();
        let origin = |key: &str| {
            let asset = item.assets().into_iter().find(|asset| asset.key == key).unwrap();
            self.source.origin(&item, &asset).unwrap().unwrap()
        };
        let origins = (origin("SR_B4"), origin("bundle"));
        self.asked();
        origins
    }

    fn requests(&self) -> usize {
        let asked = self.servers.m2m_server.journal().entries();
        asked.iter().filter(|entry| entry.path().ends_with("/download-request")).count()
    }
}

#[test]
fn a_product_is_asked_for_once_and_cleared_away() {
    let desk = Desk::new();
    let (band, bundle) = desk.origins();
    let url = band.locate(None).unwrap().url;
    assert_eq!(band.locate(None).unwrap().url, url);
    assert_ne!(bundle.locate(None).unwrap().url, url);
    assert_eq!(desk.requests(), 2);
    assert!(
        desk.servers
            .m2m
            .downloads()
            .iter()
            .all(|download| download.label.starts_with("stacfs-") && download.label.len() <= 50)
    );
    assert_eq!(desk.servers.m2m.downloads().len(), 2);
    desk.source.leave();
    assert!(desk.servers.m2m.downloads().is_empty());
    assert_eq!(desk.servers.m2m.open_sessions(), 0);
}

#[test]
fn a_staged_download_is_waited_for() {
    let desk = Desk::new();
    desk.servers.m2m.quirks().staging_polls = 3;
    let (band, _) = desk.origins();
    let urls: Vec<Url> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(|| band.locate(None).unwrap().url)).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(urls.iter().all(|url| *url == urls[0]) && !urls[0].path().contains("staging"));
    let asked = desk.asked();
    let looks = asked.iter().filter(|endpoint| *endpoint == "download-retrieve").count();
    assert!((3..=4).contains(&looks), "shared by all readers: {asked:?}");
    assert_eq!(asked.iter().filter(|endpoint| *endpoint == "download-request").count(), 1);
}

#[test]
fn patience_ends_and_the_preparation_goes_on() {
    let mut desk = Desk::new();
    desk.servers.m2m.quirks().staging_polls = 1000;
    let account = Account { username: "demo".into(), token: Some(Secret::new("demo-token")), password: None };
    let http = Arc::new(Http::new(http::Settings::default(), Vec::new(), Arc::clone(&desk.report)).unwrap());
    let session =
        Arc::new(Session::new(http, Url::parse(&desk.servers.m2m_url).unwrap(), Some(account), None));
    let patience = Patience { pause: Duration::from_millis(10), most: Duration::from_millis(50) };
    let cache = Cache::none(Arc::clone(&desk.report));
    let answers = answers(&session, cache, settings().lifetime, Reach::Online);
    desk.source = Usgs::new(session, answers, settings(), patience, Arc::clone(&desk.report));
    let (band, _) = desk.origins();
    for _ in 0..2 {
        let error = band.locate(None).unwrap_err();
        assert!(error.to_string().contains("preparing") && error.errno() == libc::ETIMEDOUT, "{error}");
    }
    assert_eq!(desk.requests(), 1, "it is on the queue already");
    desk.servers.m2m.quirks().staging_polls = 0;
    desk.source.leave();
    assert!(desk.servers.m2m.downloads().is_empty());
}

#[test]
fn a_download_lost_from_the_queue_is_asked_for_again() {
    let desk = Desk::new();
    desk.servers.m2m.quirks().staging_polls = 1000;
    let (band, _) = desk.origins();
    let journal = desk.servers.m2m_server.journal();
    let looks = |entries: &[crate::demo::http::Entry]| {
        entries.iter().any(|entry| entry.path().ends_with("/download-retrieve") && entry.took.is_some())
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| band.locate(None).unwrap().url);
        assert!(journal.wait_for(Duration::from_secs(60), looks));
        // Somebody clears the queue of the account.
        desk.servers.m2m.quirks().staging_polls = 1;
        desk.servers.m2m.forget_downloads();
        assert!(!reader.join().unwrap().path().contains("staging"));
    });
    assert_eq!(desk.requests(), 2);
}

#[test]
fn a_duplicate_is_found_under_its_old_label() {
    let desk = Desk::new();
    let (band, _) = desk.origins();
    let account = Account { username: "demo".into(), token: Some(Secret::new("demo-token")), password: None };
    let other = client(&desk.servers, Some(account), settings(), &desk.report);
    let listed = desk.found(TM, "datetime=2010-05");
    let item = other.item(TM, listed[0].id()).unwrap().unwrap();
    let asset = item.assets().into_iter().find(|asset| asset.key == "SR_B4").unwrap();
    let url = other.origin(&item, &asset).unwrap().unwrap().locate(None).unwrap().url;
    assert_eq!(band.locate(None).unwrap().url, url);
    assert_eq!(desk.servers.m2m.downloads().len(), 1);
    // What others put on the queue stays there.
    desk.source.leave();
    assert_eq!(desk.servers.m2m.downloads().len(), 1);
}

#[test]
fn refusals_keep_the_words_of_m2m() {
    let desk = Desk::new();
    let (band, bundle) = desk.origins();
    let listed = desk.found(TM, "datetime=2010-05");
    let entity = property(&listed[0], "usgs:entity_id").as_str().unwrap().to_owned();
    desk.servers.m2m.quirks().failing.insert(entity.clone());
    let error = band.locate(None).unwrap_err();
    assert!(
        error.to_string().contains("temporarily disabled") && error.errno() == libc::ETIMEDOUT,
        "{error}"
    );
    desk.servers.m2m.quirks().failing.clear();
    desk.servers.m2m.quirks().unavailable.insert(entity);
    let error = band.locate(None).unwrap_err();
    assert!(error.to_string().contains("must be ordered") && error.errno() == libc::EACCES, "{error}");
    desk.servers.m2m.quirks().unavailable.clear();
    desk.servers.m2m.quirks().quota.recent = 0;
    let error = bundle.locate(None).unwrap_err();
    assert!(matches!(error, content::Error::Quota { .. }) && error.errno() == libc::EDQUOT);
    assert!(error.to_string().contains("User download limit exceeded"), "{error}");
    desk.servers.m2m.quirks().quota.recent = 100;
    assert!(bundle.locate(None).is_ok(), "well again");
}

#[test]
fn an_agreement_is_the_users_to_accept() {
    let desk = Desk::new();
    let (band, bundle) = desk.origins();
    let (band, bundle) = (band.identity().to_owned(), bundle.identity().to_owned());
    let read = |source: &Usgs, href: &str| {
        super::super::origin::of(href, &source.downloads).locate(None).map(|location| location.url)
    };
    desk.servers.m2m.quirks().eula = Some("HDDS");
    let error = read(&desk.source, &band).unwrap_err();
    let words = error.to_string();
    assert!(error.errno() == libc::EACCES && words.contains("accept_eula = HDDS"), "{words}");
    assert!(words.contains("the license. You must agree") && words.contains("earthexplorer"), "{words}");
    assert!(desk.servers.m2m.downloads().is_empty(), "nothing waits there to be fetched");
    // What others have asked for is only seen on the queue.
    desk.servers.m2m.quirks().eula = None;
    read(&desk.source, &bundle).unwrap();
    desk.servers.m2m.quirks().eula = Some("HDDS");
    let account = Account { username: "demo".into(), token: Some(Secret::new("demo-token")), password: None };
    let other = client(&desk.servers, Some(account.clone()), settings(), &desk.report);
    assert!(read(&other, &bundle).unwrap_err().to_string().contains("HDDS"));
    let settings = Settings { agreements: vec!["hdds".into()], ..settings() };
    let agreed = client(&desk.servers, Some(account), settings, &desk.report);
    assert!(read(&agreed, &band).is_ok() && read(&agreed, &bundle).is_ok());
}

#[test]
fn a_parents_entity_with_a_parts_product_is_told_of() {
    let desk = Desk::new();
    let (band, bundle) = desk.origins();
    let part = |origin: &Arc<dyn Origin>, at: usize| origin.identity().split('/').nth(at).unwrap().to_owned();
    let href = format!("m2m:///{TM}/{}/{}/x.tif", part(&bundle, 4), part(&band, 5));
    let error = super::super::origin::of(&href, &desk.source.downloads).locate(None).unwrap_err();
    assert!(error.to_string().contains("no such product"), "{error}");
}

#[test]
fn a_url_refused_at_once_is_not_renewed_for_ever() {
    let desk = Desk::new();
    let (band, _) = desk.origins();
    let url = band.locate(None).unwrap().url;
    let failed = Trouble::Failed(http::Error::Silent { url: url.to_string(), after: Duration::from_secs(1) });
    assert_eq!(band.locate(Some(&failed)).unwrap().url, url, "the same one, later");
    let error = band.locate(Some(&Trouble::Refused("403".into()))).unwrap_err();
    assert!(error.to_string().contains("just now"), "{error}");
    assert_eq!(desk.requests(), 1);
}

#[test]
fn labels_differ() {
    assert_ne!(nonce(), nonce());
}
