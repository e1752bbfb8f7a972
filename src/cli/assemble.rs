//! All services of one configuration, made once and wired together.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::areas::ConfiguredAreas;
use super::standing::Standing;
use super::{Failure, Outcome};
use crate::cache::{self, Cache};
use crate::catalog::library::Library;
use crate::catalog::{self, Catalog, Description, stac, usgs};
use crate::config::{Config, Layout, Limits, Reach, SourceConfig, SourceKind};
use crate::content::Content;
use crate::espa::Espa;
use crate::http::{self, Http};
use crate::report::render::bytes;
use crate::report::{self, Report, Row, lock, render};
use crate::tree::{self, Control, Derived, Desk, Directory, Services, Source};

/// How long an unmount waits for servers to be told.
const FAREWELL: Duration = Duration::from_secs(5);

/// The services of one process.
pub struct Assembly {
    config: Config,
    report: Arc<Report>,
    cache: Arc<Cache>,
    content: Arc<Content>,
    http: Arc<Http>,
    sources: Vec<Member>,
    areas: Arc<ConfiguredAreas>,
}

/// One source of the configuration, and what it has said of itself.
#[derive(Clone)]
pub struct Member {
    /// Its settings.
    pub config: SourceConfig,
    /// Where its collections and items come from.
    pub catalog: Arc<dyn Catalog>,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// What a source said when it was greeted.
type Answer = Result<Description, catalog::Error>;

impl Assembly {
    /// Makes the services. Makes no request.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made, or a source is of a kind that cannot be mounted.
    pub fn new(config: Config) -> Result<Assembly, Failure> {
        let report = Arc::new(Report::new());
        let settings = http::Settings {
            // Work outlives the wait of a call, but not for longer than that could have lasted at most.
            document_silence: config.limits.metadata_total.max(config.limits.metadata_silence),
            stream_silence: config.limits.read_silence,
            per_host: config.limits.per_host,
            stores: config.stores.clone(),
            reach: config.reach,
            ..http::Settings::default()
        };
        let http = Http::new(settings, config.all_grants(), Arc::clone(&report)).map_err(Failure::failed)?;
        let http = Arc::new(http);
        let cache = Arc::new(Cache::open(
            cache::Settings {
                folder: config.cache.folder.clone(),
                max_bytes: config.cache.max_bytes,
                min_free: config.cache.min_free,
            },
            Arc::clone(&report),
        ));
        let content = Arc::new(Content::new(
            Arc::clone(&http),
            Arc::clone(&cache),
            Arc::clone(&report),
            config.limits.version_lifetime,
        ));
        let member = |source: &SourceConfig| -> Result<Member, Failure> {
            let catalog: Arc<dyn Catalog> = match &source.kind {
                SourceKind::Url(_) | SourceKind::File(_) => {
                    let library = Library::new(
                        &source.name,
                        Arc::clone(&http),
                        Arc::clone(&cache),
                        Arc::clone(&report),
                        source.metadata_lifetime.unwrap_or(config.limits.metadata_lifetime),
                    );
                    stac::open(source, library, &config.limits, Arc::clone(&report))
                }
                SourceKind::Usgs { m2m, .. } => {
                    let (http, cache, report) = (Arc::clone(&http), Arc::clone(&cache), Arc::clone(&report));
                    usgs::open(source, m2m.clone(), http, cache, &config.limits, report)
                }
            };
            Ok(Member { config: source.clone(), catalog, answer: Arc::default() })
        };
        let sources = config.sources.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        let areas = Arc::new(ConfiguredAreas::new(&config));
        let assembly = Assembly { config, report, cache, content, http, sources, areas };
        assembly.show();
        Ok(assembly)
    }

    /// Asks all sources at once who they are, and returns when the first has answered. The others' answers, and
    /// why there are none, come to `.stacfs/status` when they come.
    ///
    /// # Errors
    /// Where none answers, and nothing of any is remembered from before.
    pub fn greet(&self) -> Outcome {
        let (sender, answers) = mpsc::channel();
        for (at, member) in self.sources.iter().cloned().enumerate() {
            let (sender, report) = (sender.clone(), Arc::clone(&self.report));
            std::thread::spawn(move || {
                let answer = member.greet();
                if let Err(error) = &answer {
                    report.note(&member.config.name, &error.to_string());
                }
                // Nobody listens any more once one source has answered.
                let _ = sender.send((at, answer));
            });
        }
        drop(sender);
        let mut failures = Vec::new();
        for (at, answer) in answers {
            match answer {
                Ok(_) => return Ok(()),
                Err(error) => failures.push((at, with_next_step(&error))),
            }
        }
        failures.sort_unstable();
        let name = |at: usize| self.sources.get(at).map_or("", |member| member.config.name.as_str());
        Err(Failure::Failed(match failures.as_slice() {
            [(_, why)] => why.clone(),
            all => {
                let all: Vec<String> = all.iter().map(|(at, why)| format!("{}: {why}", name(*at))).collect();
                format!("no source answers, and nothing of any is cached: {}", all.join("; "))
            }
        }))
    }

    /// Takes over the credentials and areas of a configuration that was read again. What a mount is made of stays
    /// as it is: tells whether any of that is another now.
    pub fn renew(&self, config: &Config) -> bool {
        self.http.replace_credentials(config.all_grants(), config.stores.clone());
        self.areas.replace(config);
        let made_of = |config: &Config| {
            let sources: Vec<_> = config.sources.iter().map(|s| (s.name.clone(), s.kind.clone())).collect();
            (sources, config.limits.clone(), config.cache.clone(), config.allow_other)
        };
        made_of(config) != made_of(&self.config)
    }

    /// Ends what was begun at the servers, as far as that goes quickly.
    pub fn leave(&self) {
        let (sender, done) = mpsc::channel();
        for member in self.sources.iter().cloned() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                member.catalog.leave();
                let _ = sender.send(());
            });
        }
        drop(sender);
        let until = Instant::now() + FAREWELL;
        while done.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    }

    /// The sources, in their order.
    pub fn sources(&self) -> &[Member] {
        &self.sources
    }

    /// Where assets are read.
    pub fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content)
    }

    /// The cache on disk.
    pub fn cache(&self) -> Arc<Cache> {
        Arc::clone(&self.cache)
    }

    /// The client that all sources share.
    pub fn http(&self) -> &Arc<Http> {
        &self.http
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The report that all services share.
    pub fn report(&self) -> Arc<Report> {
        Arc::clone(&self.report)
    }

    /// The tree of these sources.
    pub fn root(&self) -> Arc<dyn Directory> {
        let mounted = Timestamp::now();
        let services = Arc::new(Services {
            content: Arc::clone(&self.content),
            report: Arc::clone(&self.report),
            limits: self.config.limits.clone(),
            areas: Arc::<ConfiguredAreas>::clone(&self.areas),
            spool_folder: self.config.cache.folder.join("spool"),
            derived: if self.config.show_derived { Derived::Listed } else { Derived::FoundByName },
            mounted,
        });
        let sources = self.sources.iter().map(|member| {
            let (name, catalog) = (member.config.name.clone(), Arc::clone(&member.catalog));
            let source = Source::new(name, catalog, Arc::clone(&services), self.limits_of(&member.config));
            Arc::new(match &member.config.kind {
                SourceKind::Usgs { espa, .. } => {
                    let espa = Espa::new(Arc::clone(&self.http), espa.clone()).with_cache(self.cache());
                    let espa = Arc::new(espa);
                    source.with_desk(Desk::new(espa, Arc::clone(&self.content), mounted))
                }
                SourceKind::Url(_) | SourceKind::File(_) => source,
            })
        });
        let mut sources: Vec<Arc<Source>> = sources.collect();
        let layout = match (self.config.layout, sources.pop()) {
            (Layout::Single, Some(source)) if sources.is_empty() => tree::Layout::Single(source),
            (_, last) => {
                sources.extend(last);
                tree::Layout::Several(sources)
            }
        };
        layout.root(Arc::new(self.control(mounted)))
    }

    /// The limits of one source: its own where it has them.
    fn limits_of(&self, source: &SourceConfig) -> Limits {
        let limits = self.config.limits.clone();
        Limits {
            max_items: source.max_items.unwrap_or(limits.max_items),
            max_scan: source.max_scan.unwrap_or(limits.max_scan),
            metadata_lifetime: source.metadata_lifetime.unwrap_or(limits.metadata_lifetime),
            ..limits
        }
    }

    /// `.stacfs`.
    fn control(&self, began: Timestamp) -> Control {
        let standing = Standing::of(&self.config).to_json();
        let config = self.config.effective();
        let (report, cache) = (Arc::clone(&self.report), Arc::clone(&self.cache));
        let metrics = move || {
            let usage = cache.usage();
            let levels = usage.map(|usage| {
                [
                    ("cache_used_bytes", "Bytes in the cache on disk.", usage.used),
                    ("cache_limit_bytes", "Most bytes that the cache takes.", usage.limit),
                ]
            });
            report::metrics(&report, levels.as_ref().map_or(&[], |levels| levels.as_slice()))
        };
        let of_report = |render: fn(&Report) -> String| -> Arc<dyn Fn() -> String + Send + Sync> {
            let report = Arc::clone(&self.report);
            Arc::new(move || render(&report))
        };
        Control::new(
            began,
            vec![
                ("status", of_report(render::status)),
                ("status.json", of_report(render::status_json)),
                ("errors", of_report(render::errors)),
                ("requests", of_report(render::requests)),
                ("config", Arc::new(move || config.clone())),
                ("metrics", Arc::new(metrics)),
                (Standing::FILE, Arc::new(move || standing.clone())),
            ],
        )
    }

    /// Registers the sections of `.stacfs/status`.
    fn show(&self) {
        if self.config.reach == Reach::Offline {
            let words = "no server is asked (--offline): what is cached is served, however old; the rest is \
                         \"Network is unreachable\"";
            self.report.note("offline", words);
        }
        let sources = self.sources.clone();
        self.report.section("sources", move || sources.iter().map(Member::row).collect());
        // The cache holds the report, so the report must not hold the cache.
        let (cache, folder) = (Arc::downgrade(&self.cache), self.config.cache.folder.display().to_string());
        self.report.section("cache", move || {
            let mut rows = vec![row("folder", folder.clone())];
            if let Some(usage) = cache.upgrade().and_then(|cache| cache.usage()) {
                rows.push(row("used", format!("{} of at most {}", bytes(usage.used), bytes(usage.limit))));
            }
            rows
        });
        let limits = self.config.limits.clone();
        self.report.section("limits", move || {
            vec![
                row("max_items", limits.max_items),
                row("max_scan", limits.max_scan),
                row("metadata_lifetime", format!("{:?}", limits.metadata_lifetime)),
                row("version_lifetime", format!("{:?}", limits.version_lifetime)),
                row("metadata_silence", format!("{:?}", limits.metadata_silence)),
                row("metadata_total", format!("{:?}", limits.metadata_total)),
                row("read_silence", format!("{:?}", limits.read_silence)),
                row("staging_wait", format!("{:?}", limits.staging_wait)),
                row("per_host", limits.per_host),
            ]
        });
    }
}

impl Member {
    /// Asks the source who it is, and remembers the answer for `.stacfs/status`.
    ///
    /// # Errors
    /// Whatever the catalogue says.
    pub fn greet(&self) -> Answer {
        let answer = self.catalog.describe();
        *lock(&self.answer) = Some(answer.clone());
        answer
    }

    /// Its line in `.stacfs/status`.
    fn row(&self) -> Row {
        let words = match &*lock(&self.answer) {
            None => "has not answered yet".to_owned(),
            Some(Err(error)) => error.to_string(),
            Some(Ok(description)) => words(description),
        };
        row(&self.config.name, words)
    }
}

/// A failure to reach a source, with what to do about it.
fn with_next_step(error: &catalog::Error) -> String {
    match error {
        catalog::Error::Http(error @ (http::Error::Unreachable { .. } | http::Error::Silent { .. })) => {
            format!("{error}; check the address and the network, or ask all sources with stacfs check")
        }
        other => other.to_string(),
    }
}

/// What a source is and how it is asked, in one line.
pub fn words(description: &Description) -> String {
    let facts = description.facts.iter().map(|(name, fact)| format!("; {name}: {fact}"));
    format!("{} at {}{}", description.kind, description.url, facts.collect::<String>())
}

fn row(name: &str, words: impl ToString) -> Row {
    (name.to_owned(), words.to_string())
}
