//! Object stores that speak S3, and the keys for them: `[s3 NAME]`, else the usual AWS variables and files.

use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};
use url::Url;

use super::document::Part;
use super::draft::{Draft, PartSettings};
use super::login::{Pending, run};
use super::{Environment, Error, Secret, value};

/// The budget where requester pays is allowed and none is set.
const BUDGET: u64 = 1 << 30;

/// An object store that speaks S3.
#[derive(Debug, Clone, PartialEq)]
pub struct S3Store {
    /// Its name in the configuration; empty for AWS without a section of its own.
    pub name: String,
    /// Its endpoint; `None` is AWS. Keys of AWS go to `*.amazonaws.com`, others to this origin only.
    pub endpoint: Option<Url>,
    /// The buckets it is for; empty is all that no other store names.
    pub buckets: Vec<String>,
    /// Its region, where the servers do not say.
    pub region: Option<String>,
    /// Where its keys are; `None` is a store that is asked without.
    pub keys: Option<KeySource>,
    /// Most bytes that may be read at our own cost (requester pays) while the process lives; `None`: none.
    pub budget: Option<u64>,
}

/// An access key of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Keys {
    /// The access key's id.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
    /// The session token of temporary keys.
    pub token: Option<Secret>,
}

/// Where keys come from. Files are read anew each time: temporary keys are renewed in them.
#[derive(Debug, Clone, PartialEq)]
pub enum KeySource {
    /// From the configuration or the environment.
    Given(S3Keys),
    /// From a profile of the AWS command line.
    Profile {
        /// Its name.
        name: String,
        /// `~/.aws/credentials`.
        credentials: PathBuf,
        /// `~/.aws/config`.
        config: PathBuf,
    },
}

impl KeySource {
    /// The keys, where there are any.
    ///
    /// # Errors
    /// In words, where a file or command of the user's is broken.
    pub fn fetch(&self) -> Result<Option<S3Keys>, String> {
        let (name, files) = match self {
            KeySource::Given(keys) => return Ok(Some(keys.clone())),
            KeySource::Profile { name, credentials, config } => (name, [credentials, config]),
        };
        for file in files {
            let Some(profile) = Profile::read(file, name)? else { continue };
            let text = |key: &str| profile.0.get(key).map(String::as_str).filter(|text| !text.is_empty());
            if let (Some(id), Some(secret)) = (text("aws_access_key_id"), text("aws_secret_access_key")) {
                let token = text("aws_session_token").map(Secret::new);
                return Ok(Some(S3Keys { id: id.to_owned(), secret: Secret::new(secret), token }));
            }
            if let Some(command) = text("credential_process") {
                return of_process(command).map(Some);
            }
        }
        Ok(None)
    }
}

/// What a `credential_process` prints: one JSON object.
fn of_process(command: &str) -> Result<S3Keys, String> {
    let wrong = |why: &str| format!("credential_process `{command}` {why}");
    // The first line is not enough: the object may be spread over several.
    let text = run(&format!("{command} | tr -d '\\n'; echo")).map_err(|why| wrong(&why))?;
    let json: serde_json::Value =
        serde_json::from_str(text.reveal()).map_err(|_| wrong("printed no JSON; run it by hand"))?;
    let word = |key: &str| json.get(key).and_then(serde_json::Value::as_str);
    match (word("AccessKeyId"), word("SecretAccessKey")) {
        (Some(id), Some(secret)) => Ok(S3Keys {
            id: id.to_owned(),
            secret: Secret::new(secret),
            token: word("SessionToken").map(Secret::new),
        }),
        _ => Err(wrong("printed no AccessKeyId and SecretAccessKey")),
    }
}

/// A profile's keys and values.
struct Profile(std::collections::HashMap<String, String>);

impl Profile {
    /// The profile in a file; `None` where either is missing.
    fn read(file: &Path, name: &str) -> Result<Option<Profile>, String> {
        let Ok(text) = std::fs::read_to_string(file) else { return Ok(None) };
        let options = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
        let ini = Ini::load_from_str_opt(&text, options)
            .map_err(|error| format!("{}:{}: {}", file.display(), error.line, error.msg))?;
        let section = ini.section(Some(name)).or_else(|| ini.section(Some(format!("profile {name}"))));
        let pairs = section.map(|section| {
            section.iter().map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
        });
        Ok(pairs.map(Profile))
    }
}

impl Draft {
    /// The object stores: those configured, and AWS with the usual keys where none of them is it.
    pub(super) fn stores(&self) -> Result<Vec<S3Store>, Error> {
        let parts = self.document.named("s3");
        let mut stores = parts.map(|part| self.store(part)).collect::<Result<Vec<_>, _>>()?;
        if !stores.iter().any(|store| store.endpoint.is_none() && store.buckets.is_empty()) {
            stores.push(usual(&self.environment));
        }
        Ok(stores)
    }

    /// That of a section.
    fn store(&self, part: &Part) -> Result<S3Store, Error> {
        let own = PartSettings { draft: self, part };
        let text = |key: &str| part.entry(key).map(|entry| entry.value.clone());
        let secret = |key: &str| -> Result<Option<Secret>, Error> {
            let entry = part.entry(key);
            entry.map(|entry| Pending::of(entry).fetch(&part.header(), &self.environment)).transpose()
        };
        let endpoint = own.optional("endpoint", value::url)?;
        let keys = match (text("access_key_id"), secret("secret_access_key")?) {
            (Some(id), Some(secret_key)) => {
                let token = secret("session_token")?;
                Some(KeySource::Given(S3Keys { id, secret: secret_key, token }))
            }
            (None, None) => match text("profile") {
                Some(name) => Some(profile(&self.environment, name)),
                // The usual keys are AWS's: nobody else is shown them unless told to.
                None if endpoint.is_none() => usual(&self.environment).keys,
                None => None,
            },
            _ => {
                let why = "needs both access_key_id and secret_access_key, or a profile";
                return Err(self.document.wrong(part.line, why));
            }
        };
        let pays = own.optional("requester_pays", value::boolean)?.unwrap_or(false);
        let budget = own.optional("requester_pays_budget", value::size)?.unwrap_or(BUDGET);
        Ok(S3Store {
            name: part.name.clone(),
            region: text("region")
                .or_else(|| endpoint.is_none().then(|| region(&self.environment, text("profile"))).flatten()),
            endpoint,
            buckets: own.optional("buckets", value::list)?.unwrap_or_default(),
            keys,
            budget: pays.then_some(budget),
        })
    }
}

/// AWS, or what the usual variables say instead of it.
fn usual(environment: &Environment) -> S3Store {
    let given = environment.text("AWS_ACCESS_KEY_ID").zip(environment.text("AWS_SECRET_ACCESS_KEY"));
    let keys = match given {
        Some((id, secret)) => KeySource::Given(S3Keys {
            id: id.to_owned(),
            secret: Secret::new(secret),
            token: environment.text("AWS_SESSION_TOKEN").map(Secret::new),
        }),
        None => profile(environment, environment.text("AWS_PROFILE").unwrap_or("default").to_owned()),
    };
    let endpoint = environment.text("AWS_ENDPOINT_URL_S3").or_else(|| environment.text("AWS_ENDPOINT_URL"));
    S3Store {
        name: String::new(),
        endpoint: endpoint.and_then(|text| value::url(text).ok()),
        buckets: Vec::new(),
        region: region(environment, None),
        keys: Some(keys),
        budget: None,
    }
}

/// Where the usual keys of AWS come from, for people; `None` where there are none. Runs nothing and shows no secret.
pub(super) fn told(environment: &Environment) -> Option<String> {
    let store = usual(environment);
    let place = match store.keys? {
        KeySource::Given(S3Keys { token, .. }) => {
            let session = if token.is_some() { ", AWS_SESSION_TOKEN" } else { "" };
            format!("the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY{session}")
        }
        KeySource::Profile { name, credentials, config } => {
            let found = |file: &PathBuf| {
                let profile = Profile::read(file, &name).ok().flatten()?;
                let has = |key: &str| profile.0.get(key).is_some_and(|text| !text.is_empty());
                let command = if has("credential_process") { "the command of " } else { "" };
                let keys = has("aws_access_key_id") && has("aws_secret_access_key");
                (keys || !command.is_empty())
                    .then(|| format!("{command}profile {name} in {}", file.display()))
            };
            [credentials, config].iter().find_map(found)?
        }
    };
    let whose = store.endpoint.map_or_else(|| "AWS".to_owned(), |url| url.to_string());
    Some(format!("keys for {whose} from {place}"))
}

fn profile(environment: &Environment, name: String) -> KeySource {
    let file = |variable: &str, usual: &str| match environment.get(variable) {
        Some(file) => PathBuf::from(file),
        None => environment.home().join(".aws").join(usual),
    };
    KeySource::Profile {
        name,
        credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        config: file("AWS_CONFIG_FILE", "config"),
    }
}

/// The region that the usual variables or the profile name.
fn region(environment: &Environment, named: Option<String>) -> Option<String> {
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let variable = variables.iter().find_map(|name| environment.text(name)).filter(|_| named.is_none());
    let name = named.or_else(|| environment.text("AWS_PROFILE").map(str::to_owned));
    variable.map(str::to_owned).or_else(|| {
        let KeySource::Profile { name, credentials, config } =
            profile(environment, name.unwrap_or_else(|| "default".to_owned()))
        else {
            return None;
        };
        let of = |file: &Path| Profile::read(file, &name).ok().flatten()?.0.remove("region");
        of(&config).or_else(|| of(&credentials))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, secret: &str, token: Option<&str>) -> S3Keys {
        S3Keys { id: id.into(), secret: Secret::new(secret), token: token.map(Secret::new) }
    }

    fn draft(home: &Path, text: &str, variables: &[(&str, &str)]) -> Result<Vec<S3Store>, String> {
        let file = home.join("config.ini");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let home = [("HOME", home.to_str().unwrap())];
        let environment = Environment::from_iter(home.iter().chain(variables).copied());
        Draft::read(Some(&file), environment).and_then(|draft| draft.stores()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_usual_keys_are_those_of_the_environment_else_of_the_profile() {
        let home = tempfile::tempdir().unwrap();
        let aws = home.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(
            aws.join("credentials"),
            "[default]\naws_access_key_id = A\naws_secret_access_key = s+/=\n[temp]\naws_access_key_id=T\n\
             aws_secret_access_key=t\naws_session_token=tok==\n",
        )
        .unwrap();
        std::fs::write(
            aws.join("config"),
            "[default]\nregion = eu-west-3\n[profile temp]\nregion = us-west-2\n[profile made]\n\
             credential_process = printf '{\"Version\":1,\\n\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"p\"}'\n",
        )
        .unwrap();
        let usual = |variables: &[(&str, &str)]| {
            let stores = draft(home.path(), "", variables).unwrap();
            let [store] = stores.as_slice() else { panic!("{stores:?}") };
            assert_eq!(store.budget, None, "nothing is paid for unasked");
            (store.keys.as_ref().unwrap().fetch().unwrap(), store.region.clone())
        };
        assert_eq!(usual(&[]), (Some(keys("A", "s+/=", None)), Some("eu-west-3".into())));
        let temp = (Some(keys("T", "t", Some("tok=="))), Some("us-west-2".into()));
        assert_eq!(usual(&[("AWS_PROFILE", "temp")]), temp);
        assert_eq!(usual(&[("AWS_PROFILE", "made")]).0, Some(keys("P", "p", None)));
        let variables = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "e"), ("AWS_REGION", "r")];
        assert_eq!(usual(&variables), (Some(keys("E", "e", None)), Some("r".into())));
        assert_eq!(usual(&[("AWS_PROFILE", "none")]).0, None);

        let told = |variables: &[(&str, &str)]| {
            let home = [("HOME", home.path().to_str().unwrap())];
            super::told(&Environment::from_iter(home.iter().chain(variables).copied()))
        };
        let file = |name: &str| aws.join(name).display().to_string();
        assert_eq!(told(&[]), Some(format!("keys for AWS from profile default in {}", file("credentials"))));
        let made = Some(format!("keys for AWS from the command of profile made in {}", file("config")));
        assert_eq!(told(&[("AWS_PROFILE", "made")]), made);
        let given = told(&variables).unwrap();
        assert_eq!(given, "keys for AWS from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY");
        assert_eq!(told(&[("AWS_PROFILE", "none")]), None);
    }

    #[test]
    fn a_store_of_ones_own_gets_only_the_keys_it_is_given() {
        let home = tempfile::tempdir().unwrap();
        let variables = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "e"), ("MINE", "m")];
        let text = "[s3 cdse]\nendpoint = https://eodata.example\nbuckets = eodata, more\naccess_key_id = C\n\
                    secret_access_key_env = MINE\n[s3 open]\nendpoint = https://open.example\n\
                    [s3 landsat]\nbuckets = usgs-landsat\nrequester_pays = yes\nrequester_pays_budget = 5G\n";
        let stores = draft(home.path(), text, &variables).unwrap();
        assert_eq!(stores.len(), 4, "and AWS");
        assert_eq!(stores[0].keys, Some(KeySource::Given(keys("C", "m", None))));
        assert_eq!(stores[0].buckets, ["eodata", "more"]);
        assert_eq!(stores[1].keys, None, "the usual keys are for AWS");
        assert_eq!(stores[2].keys, Some(KeySource::Given(keys("E", "e", None))));
        assert_eq!((stores[2].budget, stores[0].budget, stores[3].budget), (Some(5 << 30), None, None));
        let half = draft(home.path(), "[s3 x]\naccess_key_id = C\n", &[]).unwrap_err();
        assert!(half.contains("secret_access_key"), "{half}");
    }
}
