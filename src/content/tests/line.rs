//! Who waits for whom, in line and at the server.

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
