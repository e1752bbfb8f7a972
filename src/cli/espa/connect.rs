//! Which ESPA, and with which login.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::Failure;
use crate::cli::options::{text, usgs_source};
use crate::config::{Choice, Draft, Environment, SourceKind};
use crate::espa::Espa;
use crate::http::{self, Http};
use crate::report::Report;

/// Options of every `espa` command.
#[derive(Debug, clap::Args)]
pub(super) struct Connection {
    /// Read this configuration file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// The configured source of type usgs whose login is meant [default: the first]
    #[arg(long, value_name = "NAME", global = true, value_parser = text())]
    source: Option<String>,
}

/// A client with a login.
pub(super) struct Link {
    pub espa: Espa,
    pub http: Arc<Http>,
}

impl Connection {
    /// Finds the login. Makes no request.
    pub fn open(&self) -> Result<Link, Failure> {
        let draft = Draft::read(self.config.as_deref(), Environment::of_process())?;
        let name = usgs_source(&draft, self.source.as_deref())?;
        let config = draft.resolve(&Choice { sources: vec![name.clone()], ..Choice::default() })?;
        let Some(SourceKind::Usgs { espa, .. }) = config.sources.first().map(|source| &source.kind) else {
            return Err(Failure::Usage(format!(
                "{name} is no source of type usgs; ESPA is a service of USGS"
            )));
        };
        let settings = http::Settings { per_host: config.limits.per_host, ..http::Settings::default() };
        let http = Http::new(settings, config.all_grants(), Arc::new(Report::new()));
        let http = Arc::new(http.map_err(Failure::failed)?);
        if !http.has_credential(espa) {
            return Err(Failure::failed(
                "ESPA wants your ERS name and password; set username and password in [usgs] of the \
                 configuration (stacfs config init makes one), or in ~/.lsru",
            ));
        }
        Ok(Link { espa: Espa::new(Arc::clone(&http), espa.clone()), http })
    }
}
