//! The embedded M2M and a mount of it.

use stacfs::demo::http::Entry;
use stacfs::demo::usgs::{Options, Usgs, start};

use crate::mounted::{Mounted, Place};

/// Landsat 4 and 5, level 2.
pub const TM: &str = "landsat_tm_c2_l2";

/// The servers, and the mount.
pub struct Bench {
    pub usgs: Usgs,
    pub mount: Mounted,
}

impl Bench {
    /// With the configuration as it is by default.
    pub fn new() -> Bench {
        Bench::with("")
    }

    /// With more lines of configuration.
    pub fn with(lines: &str) -> Bench {
        let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
        let place = Place::new();
        let text = format!(
            "[usgs]\nusername = demo\ntoken = demo-token\npassword = demo-password\nm2m_url = {}\nespa_url = {}\n{lines}",
            usgs.m2m_url, usgs.espa_url
        );
        place.configure(&text);
        Bench { usgs, mount: place.mount(&["usgs"]) }
    }

    /// The endpoints of M2M that were asked since the journal was cleared.
    pub fn asked(&self) -> Vec<String> {
        let name = |entry: &Entry| entry.path().rsplit('/').next().unwrap_or_default().to_owned();
        self.usgs.m2m_server.journal().entries().iter().map(name).collect()
    }

    /// How often an endpoint was asked since the journal was cleared.
    pub fn count(&self, endpoint: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == endpoint).count()
    }

    /// Forgets what was asked so far.
    pub fn clear(&self) {
        self.usgs.m2m_server.journal().clear();
        self.usgs.download_server.journal().clear();
    }

    /// The path of the first scene that a search lists.
    pub fn scene(&self, search: &str) -> String {
        let names = self.mount.list(search).unwrap();
        let scene = names.iter().find(|name| name.starts_with('L')).expect("a scene");
        format!("{search}/{scene}")
    }

    /// A band file of that scene.
    pub fn band(&self, scene: &str) -> String {
        format!("{scene}/{}_SR_B4.TIF", scene.rsplit('/').next().unwrap())
    }

    /// The last failure in `.stacfs/errors`: its errno and its words.
    pub fn last_error(&self) -> (String, String) {
        let text = self.mount.text(".stacfs/errors");
        let fields: Vec<&str> = text.lines().last().expect("an error").splitn(4, '\t').collect();
        (fields[1].to_owned(), fields[3].to_owned())
    }

    /// Reads a file that cannot be read: the errno, and the words of `.stacfs/errors`.
    pub fn refusal(&self, file: &str) -> (i32, String) {
        match std::fs::read(self.mount.path(file)) {
            Ok(bytes) => panic!("{file}: {} bytes, not a failure", bytes.len()),
            Err(error) => (error.raw_os_error().unwrap(), self.last_error().1),
        }
    }

    /// Whether the bytes of a file are those that its item promises.
    pub fn is_whole(&self, file: &str) -> bool {
        let (folder, name) = file.rsplit_once('/').unwrap();
        let script = format!(
            "python3 - {folder} {name} <<'PY'\n\
             import hashlib, json, os, sys\n\
             folder, name = sys.argv[1:]\n\
             assets = json.load(open(folder + '/item.json'))['assets'].values()\n\
             asset = next(a for a in assets if os.path.basename(a['href']) == name)\n\
             data = open(folder + '/' + name, 'rb').read()\n\
             assert len(data) == asset['file:size'], len(data)\n\
             assert '1220' + hashlib.sha256(data).hexdigest() == asset['file:checksum']\n\
             PY"
        );
        self.mount.run(&script).status.success()
    }
}
