use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A reply that tells the test its errno.
struct Told(Sender<i32>);

impl Refuse for Told {
    fn refuse(self, errno: i32) {
        self.0.send(errno).ok();
    }
}

struct Bench {
    report: Arc<Report>,
    call: Arc<Call<Told>>,
    errnos: Receiver<i32>,
}

fn bench(limits: Limits) -> Bench {
    let report = Arc::new(Report::new());
    let (sender, errnos) = channel();
    let call = Arc::new(Call::new(Asked::Lookup, "a/b".to_owned(), limits, report.clone(), Told(sender)));
    Bench { report, call, errnos }
}

fn watched() -> (Arc<Watch>, std::thread::JoinHandle<()>) {
    let watch = Arc::new(Watch::default());
    let running = watch.clone();
    (watch, std::thread::spawn(move || running.run()))
}

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

#[test]
fn a_silent_call_is_answered_in_time_and_its_work_may_still_end() {
    let (watch, thread) = watched();
    let Bench { report, call, errnos } = bench(Limits { silence: SHORT, total: Some(LONG) });
    assert_eq!(report.counters.waiting.get(), 1);
    let ticket = watch.add(call.clone());
    assert_eq!(errnos.recv().unwrap(), libc::ETIMEDOUT);
    assert_eq!((report.counters.timeouts.get(), report.counters.waiting.get()), (1, 0));
    let said = &report.errors()[0];
    assert_eq!((said.path.as_str(), said.errno), ("a/b", libc::ETIMEDOUT));
    assert!(said.words.contains("the work goes on"), "{}", said.words);
    assert!(call.take().is_none(), "the worker finds the reply given");
    drop(ticket);
    watch.close();
    thread.join().unwrap();
}

#[test]
fn bytes_keep_a_call_waiting_until_the_total_is_over() {
    let Bench { call, .. } = bench(Limits { silence: LONG, total: Some(LONG) });
    call.progress().touch(1);
    assert!(call.left() > SHORT);
    let limits = Limits { silence: LONG, total: Some(Duration::ZERO) };
    call.progress().touch(1);
    assert!(limits.left(&call.progress()).is_zero(), "bytes do not help against the total");
    let limits = Limits { silence: LONG, total: None };
    assert!(limits.left(&call.progress()) > SHORT);
}

#[test]
fn the_watch_wakes_for_the_most_pressing_call() {
    let (watch, thread) = watched();
    let slow = bench(Limits { silence: LONG, total: None });
    let _slow = watch.add(slow.call.clone());
    let quick = bench(Limits { silence: SHORT, total: None });
    let _quick = watch.add(quick.call.clone());
    assert_eq!(quick.errnos.recv().unwrap(), libc::ETIMEDOUT);
    assert!(slow.errnos.try_recv().is_err());
    watch.close();
    thread.join().unwrap();
}

#[test]
fn an_answered_call_leaves_the_watch() {
    let watch = Arc::new(Watch::default());
    let Bench { report, call, errnos } = bench(Limits { silence: LONG, total: None });
    let ticket = watch.add(call.clone());
    call.refuse(libc::EIO, "words");
    drop(ticket);
    assert!(lock(&watch.state).calls.is_empty());
    assert_eq!(errnos.recv().unwrap(), libc::EIO);
    call.give_up();
    assert_eq!(report.counters.timeouts.get(), 0, "answered once");
}

#[test]
fn a_call_that_is_dropped_waits_no_longer() {
    let Bench { report, call, errnos: _errnos } = bench(Limits { silence: LONG, total: None });
    drop(call);
    assert_eq!(report.counters.waiting.get(), 0);
}
