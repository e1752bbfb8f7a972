//! The configuration that a mount runs with, for people: `.stacfs/config`.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::{Config, Credential, KeySource, S3Store, SourceConfig, SourceKind};

impl Config {
    /// All settings in force, in the form of a configuration file. Secrets stand as `***`.
    pub fn effective(&self) -> String {
        let mut text = match &self.file {
            Some(file) => format!("# made of {}, the environment and the command line\n", file.display()),
            None => "# made of the environment and the command line; there is no file\n".to_owned(),
        };
        let limits = &self.limits;
        section(&mut text, "mount");
        set(&mut text, "max_items", limits.max_items);
        set(&mut text, "max_scan", limits.max_scan);
        set(&mut text, "metadata_lifetime", span(limits.metadata_lifetime));
        set(&mut text, "version_lifetime", span(limits.version_lifetime));
        set(&mut text, "allow_other", word(self.allow_other));
        set(&mut text, "show_derived", word(self.show_derived));
        set(&mut text, "aoi_folder", self.area_folder.display());
        if !self.crawlers.is_empty() {
            set(&mut text, "crawlers", self.crawlers.join(", "));
        }
        if let Some(most) = self.process_budget {
            set(&mut text, "process_budget", most);
        }
        if let Some(log) = &self.log {
            set(&mut text, "log", log.display());
        }
        section(&mut text, "limits");
        set(&mut text, "metadata_silence", span(limits.metadata_silence));
        set(&mut text, "metadata_total", span(limits.metadata_total));
        set(&mut text, "read_silence", span(limits.read_silence));
        set(&mut text, "per_host", limits.per_host);
        section(&mut text, "cache");
        set(&mut text, "folder", self.cache.folder.display());
        if let Some(most) = self.cache.max_bytes {
            set(&mut text, "max_bytes", most);
        }
        set(&mut text, "min_free", self.cache.min_free);
        if !self.areas.is_empty() {
            section(&mut text, "aoi");
            self.areas.iter().for_each(|(name, file)| set(&mut text, name, file.display()));
        }
        self.sources.iter().for_each(|source| source.effective(&mut text));
        self.stores
            .iter()
            .filter(|store| !store.name.is_empty())
            .for_each(|store| store.effective(&mut text));
        text
    }
}

impl SourceConfig {
    fn effective(&self, text: &mut String) {
        section(text, &format!("source {}", self.name));
        match &self.kind {
            SourceKind::Url(url) => set(text, "url", url),
            SourceKind::File(file) => set(text, "file", file.display()),
            SourceKind::Usgs { m2m, espa } => {
                set(text, "type", "usgs");
                set(text, "m2m_url", m2m);
                set(text, "espa_url", espa);
            }
        }
        match &self.credential {
            None => {}
            Some(Credential::OAuth2 { token_url, client_id, client_secret, user, scope }) => {
                set(text, "oauth2_token_url", token_url);
                set(text, "client_id", client_id);
                client_secret.iter().for_each(|_| set(text, "client_secret", "***"));
                user.iter().for_each(|(name, _)| set(text, "username", name));
                user.iter().for_each(|_| set(text, "password", "***"));
                scope.iter().for_each(|scope| set(text, "scope", scope));
            }
            // A source's own are in `sas`.
            Some(Credential::Sas { .. }) => {}
            Some(Credential::Bearer(_)) => set(text, "token", "***"),
            Some(Credential::Header { name, .. }) => set(text, &format!("header.{name}"), "***"),
            Some(Credential::Query { name, .. }) => set(text, &format!("query.{name}"), "***"),
            Some(Credential::Basic { username, .. }) => {
                set(text, "username", username);
                set(text, "password", "***");
            }
            Some(Credential::Usgs { username, token, password }) => {
                set(text, "username", username);
                let secrets = [("token", token), ("password", password)];
                let known = secrets.into_iter().filter(|(_, secret)| secret.is_some());
                known.for_each(|(key, _)| set(text, key, "***"));
            }
        }
        self.sas.iter().for_each(|url| set(text, "sas_url", url));
        self.headers.iter().for_each(|(name, _)| set(text, &format!("header.{name}"), "***"));
        let numbers = [
            ("max_items", self.max_items),
            ("max_scan", self.max_scan),
            ("page_size", self.page_size.map(u64::from)),
        ];
        numbers.into_iter().filter_map(|(key, n)| Some((key, n?))).for_each(|(key, n)| set(text, key, n));
        if let Some(lifetime) = self.metadata_lifetime {
            set(text, "metadata_lifetime", span(lifetime));
        }
        if !self.conformance.is_empty() {
            set(text, "conformance", self.conformance.join(", "));
        }
        if !self.agreements.is_empty() {
            set(text, "accept_eula", self.agreements.join(", "));
        }
    }
}

impl S3Store {
    fn effective(&self, text: &mut String) {
        section(text, &format!("s3 {}", self.name));
        self.endpoint.iter().for_each(|url| set(text, "endpoint", url));
        if !self.buckets.is_empty() {
            set(text, "buckets", self.buckets.join(", "));
        }
        self.region.iter().for_each(|region| set(text, "region", region));
        match &self.keys {
            Some(KeySource::Given(keys)) => {
                set(text, "access_key_id", &keys.id);
                set(text, "secret_access_key", "***");
            }
            Some(KeySource::Profile { name, .. }) => set(text, "profile", name),
            None => {}
        }
        set(text, "requester_pays", word(self.budget.is_some()));
        self.budget.iter().for_each(|budget| set(text, "requester_pays_budget", budget));
    }
}

fn section(text: &mut String, name: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n[{name}]");
}

fn set(text: &mut String, key: &str, value: impl Display) {
    let _ = writeln!(text, "{key} = {value}");
}

fn span(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use crate::config::{Choice, Draft, Environment};

    #[test]
    fn what_is_in_force_is_a_configuration_again_and_tells_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.ini");
        let text = "[mount]\nmax_items = 5\n[limits]\nread_silence = 1500ms\n[source x]\nurl = https://x.example/\n\
                    username = me\npassword = hunter2\nheader.X-Key = hunter2\npage_size = 7\n[aoi]\nhome = h.geojson\n";
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let environment = || Environment::from_iter([("HOME", "/home/me")]);
        let config =
            |file| Draft::read(Some(file), environment()).unwrap().resolve(&Choice::default()).unwrap();
        let shown = config(&file).effective();
        assert!(!shown.contains("hunter2"), "{shown}");
        for line in
            ["max_items = 5", "max_scan = 20000", "read_silence = 1500ms", "password = ***", "page_size = 7"]
        {
            assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
        }
        std::fs::write(&file, &shown).unwrap();
        assert_eq!(config(&file).effective(), shown);
    }
}
