//! Whether each source answers, as what, and how fast; then its logins, its files, and the cache they are kept in.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::account::Services;
use super::cache;
use super::finding::Finding;
use super::logins::Trial;
use crate::cli::assemble::{Assembly, Member, words};
use crate::config::{Config, Credential, Limits, SourceKind};
use crate::http::{Http, Request};

/// Clocks that are farther apart than this are told.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Asks all sources at once; the findings are in the sources' order.
pub(super) fn check(config: Config) -> Vec<Finding> {
    let assembly = match Assembly::new(config) {
        Ok(assembly) => assembly,
        Err(failure) => return vec![Finding::bad("sources", failure.words())],
    };
    let trial = match Trial::new(&assembly) {
        Ok(trial) => trial,
        Err(failure) => return vec![Finding::bad("sources", failure.words())],
    };
    let mut findings: Vec<Finding> = thread::scope(|scope| {
        let (http, limits, trial) = (assembly.http(), &assembly.config().limits, &trial);
        let ask = |member| (member, scope.spawn(move || source(member, http, limits, trial)));
        let asked: Vec<_> = assembly.sources().iter().map(ask).collect();
        let findings = |(member, thread): (&Member, thread::ScopedJoinHandle<'_, Vec<Finding>>)| {
            thread.join().unwrap_or_else(|_| {
                let words = "asking it broke off; please report this as a bug of stacfs";
                vec![Finding::bad(subject(member), words)]
            })
        };
        asked.into_iter().flat_map(findings).collect()
    });
    findings.extend(trial.rest(assembly.config()));
    findings.extend(cache::sample(&assembly.cache()));
    findings
}

/// One source.
fn source(member: &Member, http: &Arc<Http>, limits: &Limits, trial: &Trial) -> Vec<Finding> {
    if let SourceKind::Usgs { m2m, espa } = &member.config.kind {
        return Services { member, m2m, espa, http, limits }.check();
    }
    let began = Instant::now();
    match member.greet() {
        Err(error) => vec![Finding::bad(subject(member), error.to_string())],
        Ok(description) => {
            let took = began.elapsed().as_millis();
            let login = login(member.config.credential.as_ref());
            let well = Finding::good(subject(member), format!("{} ({took} ms{login})", words(&description)));
            let mut findings: Vec<Finding> = std::iter::once(well).chain(now(member, http)).collect();
            findings.extend(trial.source(member));
            findings
        }
    }
}

/// A server that does not answer now, whatever is remembered of it; or whose clock is another: signatures and tokens
/// are good for minutes.
fn now(member: &Member, http: &Http) -> Option<Finding> {
    let SourceKind::Url(url) = &member.config.kind else { return None };
    let answer = match http.document_in(1, &Request::get(url.clone())) {
        Ok(answer) => answer,
        Err(error) => {
            return Some(Finding::bad(
                subject(member),
                format!("{error}; what is cached is served meanwhile"),
            ));
        }
    };
    skewed(subject(member), answer.headers.get("date")?.to_str().ok()?, Timestamp::now())
}

/// What is to be said where a server's `Date` and our time are far apart.
fn skewed(subject: String, date: &str, now: Timestamp) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let apart = now.duration_since(theirs).abs();
    (apart > SKEW).then(|| {
        let seconds = apart.as_secs();
        let words = format!(
            "its clock and this machine's are {seconds} s apart, so signatures and tokens may be refused; set the \
             clock (timedatectl set-ntp true)"
        );
        Finding::doubtful(subject, words)
    })
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

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn clocks_far_apart_are_told() {
        let now: Timestamp = "2018-02-03T04:05:06Z".parse().unwrap();
        let told = |date: &str| skewed("a".to_owned(), date, now);
        assert_eq!(told("Sat, 03 Feb 2018 04:05:36 GMT"), None);
        let late = told("Sat, 03 Feb 2018 05:05:06 GMT").unwrap();
        assert!(late.state == State::Doubtful && late.words.contains("3600 s apart"), "{late:?}");
        assert_eq!(told("yesterday"), None);
    }
}
