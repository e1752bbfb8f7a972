//! `stacfs usgs`: the USGS account, its datasets, the ids of scenes.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::options::{Settings, text, usgs_source};
use super::{Failure, Outcome};
use crate::cache::Cache;
use crate::catalog::usgs::{self, Usgs};
use crate::catalog::{Catalog, Pages};
use crate::config::SourceKind;
use crate::http::{self, Http};
use crate::item::Collection;
use crate::report::Report;
use crate::report::render::printable;

/// A key that is not used for so long is dead.
const KEY_LIFETIME: Duration = Duration::from_secs(2 * 3600);

/// The USGS account, its datasets, the ids of its scenes
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Log in to M2M: whether user and token work, and what the account may do
    Login(Account),
    /// List the datasets of the account
    Datasets(Account),
    /// Say which words are ids of Landsat scenes
    ///
    /// Product ids of Collection 1 and 2, and entity ids. Nothing is asked of a server. Exit status 1 where one
    /// is not.
    Valid(Ids),
}

#[derive(Debug, clap::Args)]
struct Account {
    /// The configured source of type usgs whose login is meant [default: the first]
    #[arg(long, value_name = "NAME", value_parser = text())]
    source: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct Ids {
    /// The ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,

    /// Print JSON: an object of ids and truth values
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    match &args.what {
        What::Login(account) => account.login(),
        What::Datasets(account) => account.datasets(),
        What::Valid(ids) => ids.valid(),
    }
}

impl Account {
    fn login(&self) -> Outcome {
        let source = self.open()?;
        let login = source.login().map_err(Failure::failed);
        // The key would live on for two hours, and nobody has it.
        source.leave();
        let login = login?;
        let left = KEY_LIFETIME.saturating_sub(login.age);
        if self.json {
            let answer = json!({"username": login.username, "permissions": login.permissions,
                "key_age_seconds": login.age.as_secs(), "key_expires_in_seconds": left.as_secs()});
            return super::print(&format!("{answer}\n"));
        }
        let mut text = format!(
            "logged in as {}; permissions: {}; key age {} s, good for {} min after its last use\n",
            printable(&login.username),
            printable(&login.permissions.join(", ")),
            login.age.as_secs(),
            KEY_LIFETIME.as_secs() / 60,
        );
        if !login.may_download() {
            text += "the account may not download: ask for MACHINE access at https://ers.cr.usgs.gov/profile/access\n";
        }
        super::print(&text)
    }

    fn datasets(&self) -> Outcome {
        let source = self.open()?;
        let collections = listed(&source).map_err(Failure::failed);
        source.leave();
        let collections = collections?;
        if self.json {
            let all: Vec<_> = collections.iter().map(|c| &c.fields()["usgs:dataset"]).collect();
            return super::print(&format!("{}\n", json!(all)));
        }
        let row =
            |c: &Collection| format!("{}\t{}\n", printable(c.id()), printable(c.title().unwrap_or_default()));
        super::print(&collections.iter().map(row).collect::<String>())
    }

    /// The source, with its account; nothing is asked yet.
    fn open(&self) -> Result<Arc<Usgs>, Failure> {
        let draft = self.settings.draft()?;
        let name = usgs_source(&draft, self.source.as_deref())?;
        let config = draft.resolve(&self.settings.choice(vec![name.clone()]))?;
        let grants = config.all_grants();
        let found = config.sources.iter().find_map(|source| match &source.kind {
            SourceKind::Usgs { m2m, .. } => Some((source, m2m.clone())),
            _ => None,
        });
        let Some((source, m2m)) = found else {
            return Err(Failure::Usage(format!("{name} is no source of type usgs; name one by --source")));
        };
        let report = Arc::new(Report::new());
        let http =
            Http::new(http::Settings::default(), grants, Arc::clone(&report)).map_err(Failure::failed)?;
        // Who asks by command wants to know how it is now.
        let cache = Arc::new(Cache::none(Arc::clone(&report)));
        Ok(usgs::open(source, m2m, Arc::new(http), cache, &config.limits, report))
    }
}

fn listed(source: &Usgs) -> Result<Vec<Collection>, crate::catalog::Error> {
    let mut pages: Box<dyn Pages<Collection>> = source.collections()?;
    let mut all = Vec::new();
    while let Some(page) = pages.next_page()? {
        all.extend(page.members);
    }
    Ok(all)
}

impl Ids {
    fn valid(&self) -> Outcome {
        let judged: Vec<(&str, bool)> = self.ids.iter().map(|id| (id.as_str(), usgs::is_valid(id))).collect();
        let text = if self.json {
            let object: serde_json::Map<_, _> =
                judged.iter().map(|(id, valid)| ((*id).to_owned(), json!(valid))).collect();
            format!("{}\n", serde_json::Value::Object(object))
        } else {
            let word = |valid: bool| if valid { "valid" } else { "no Landsat id" };
            judged.iter().map(|(id, valid)| format!("{}\t{}\n", printable(id), word(*valid))).collect()
        };
        super::print(&text)?;
        match judged.iter().all(|(_, valid)| *valid) {
            true => Ok(()),
            false => Err(Failure::Told(1)),
        }
    }
}
