//! Who waits for whom, in line and at the server.

use std::sync::OnceLock;

use super::*;

#[test]
fn a_stream_whose_answer_has_come_stands_in_no_line() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let one_at_a_time = http::Settings { per_host: 1, ..http::Settings::default() };
    let content = content_over(one_at_a_time, Some(folder.path()), 1 << 30, HOUR);
    let size = 300_000;
    server.faults().add(Fault::IgnoreRange.on("/300000"));
    server.faults().add(Fault::Latency(Duration::from_millis(500)).on("/300000"));
    let (streamed, other) = (object(&server, "300000"), object(&server, "1000"));
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| content.open(&streamed, 0).unwrap());
        assert!(server.journal().wait_for(Duration::from_secs(60), |entries| !entries.is_empty()));
        // Its job is the first in line, and its request the next at the server.
        assert_eq!(*content.sizes(&[other])[0].as_ref().unwrap(), Some(1000));
        assert!(read_all(&opened.join().unwrap()).unwrap() == painted(0..size));
    });
}

#[test]
fn what_a_reader_waits_for_goes_first_also_before_what_is_here() {
    let server = server();
    let content = content(None, 0, HOUR);
    let object = object(&server, &(100 * MIB).to_string());
    let file = content.open(&object, 0).unwrap();
    let middle = 51 * MIB;
    assert!(file.read(middle, 100_000).unwrap() == painted(middle..middle + 100_000));
    // So many run that nothing ahead does.
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    for _ in 0..content.means.http.streams_per_host() - 2 {
        let (held, host) = (held.clone(), Place::new(object.origin.clone()).host());
        let job = move || {
            let _ = lock(&held).recv();
        };
        content.means.turns.submit(&host, body::new_number(), Urgency::Now, 0, Box::new(job));
    }
    let before = middle - 128 * KIB;
    assert_eq!(file.body.fetch(file.body.blocks(before, 128 * KIB as usize), u64::MAX, Urgency::Ahead), 1);
    let (told, read) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| told.send(file.read(before, 200_000).unwrap() == painted(before..before + 200_000)));
        let read = read.recv_timeout(Duration::from_secs(60));
        drop(release);
        assert_eq!(read, Ok(true), "it waits behind what is fetched ahead");
    });
}

/// What a server prepares until it is told to be done.
struct Staged {
    identity: String,
    url: String,
    done: Arc<OnceLock<()>>,
}

impl Origin for Staged {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, Error> {
        self.done.wait();
        Ok(Location { url: self.url.parse().unwrap(), headers: Vec::new(), expires: None })
    }

    fn is_staged(&self) -> bool {
        true
    }
}

#[test]
fn nobody_waits_for_what_is_prepared_for_others() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 20 * MIB;
    // Some are being prepared, and one is ready.
    let (at_once, later) = (Arc::new(OnceLock::from(())), Arc::new(OnceLock::new()));
    let open = |n: usize, done: &Arc<OnceLock<()>>| {
        let (identity, url) = (format!("m2m:///set/{n}"), format!("{}/{size}/{n}", server.url()));
        let origin = Arc::new(Staged { identity, url, done: done.clone() });
        content.open(&Object { origin, declared_size: Some(size), checksum: None }, 0).unwrap()
    };
    let (ready, prepared) = (open(0, &at_once), [1, 2, 3, 4, 5, 6].map(|n| open(n, &later)));
    // As cp does: much is fetched ahead from the first read on.
    let read = |file: &OpenFile| {
        let steps = (0..size).step_by(256 * KIB as usize);
        steps.flat_map(|at| file.read(at, 256 * KIB as usize).unwrap()).collect::<Vec<u8>>()
            == painted(0..size)
    };
    let (told, heard) = mpsc::channel();
    std::thread::scope(|scope| {
        for file in &prepared {
            scope.spawn(|| assert!(read(file)));
            // Its read and much ahead of it are in line.
            while !file.body.is_coming(file.body.blocks(0, 8 * MIB as usize)) {
                std::thread::yield_now();
            }
        }
        scope.spawn(|| told.send(read(&ready)));
        let heard = heard.recv_timeout(Duration::from_secs(60));
        later.set(()).unwrap();
        assert_eq!(heard, Ok(true), "it waits for what is prepared for others");
    });
}
