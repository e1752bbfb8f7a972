//! Whether each source answers, as what, and how fast.

use std::thread;
use std::time::Instant;

use super::finding::Finding;
use crate::cli::assemble::{Assembly, Member, words};
use crate::config::{Config, Credential};

/// Asks all sources at once; the findings are in the sources' order.
pub(super) fn check(config: Config) -> Vec<Finding> {
    let assembly = match Assembly::new(config) {
        Ok(assembly) => assembly,
        Err(failure) => return vec![Finding::bad("sources", failure.words())],
    };
    thread::scope(|scope| {
        let asked: Vec<_> =
            assembly.sources().iter().map(|member| (member, scope.spawn(|| source(member)))).collect();
        let finding = |(member, thread): (&Member, thread::ScopedJoinHandle<'_, Finding>)| {
            thread.join().unwrap_or_else(|_| {
                Finding::bad(subject(member), "asking it broke off; please report this as a bug of stacfs")
            })
        };
        asked.into_iter().map(finding).collect()
    })
}

/// One source.
fn source(member: &Member) -> Finding {
    let began = Instant::now();
    match member.greet() {
        Err(error) => Finding::bad(subject(member), error.to_string()),
        Ok(description) => {
            let took = began.elapsed().as_millis();
            let login = login(member.config.credential.as_ref());
            Finding::good(subject(member), format!("{} ({took} ms{login})", words(&description)))
        }
    }
}

fn subject(member: &Member) -> String {
    format!("source {}", member.config.name)
}

/// How it is logged in to.
fn login(credential: Option<&Credential>) -> &'static str {
    match credential {
        None => "",
        Some(Credential::Basic { .. }) => ", with user and password",
        Some(Credential::Bearer(_) | Credential::Sas { .. }) => ", with a token",
        Some(Credential::OAuth2 { .. }) => ", with OAuth 2",
        Some(Credential::Header { .. } | Credential::Query { .. }) => ", with a key",
        Some(Credential::Usgs { .. }) => ", with a USGS login",
    }
}
