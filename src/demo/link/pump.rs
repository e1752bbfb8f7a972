//! One direction of one connection: read, pace, delay, write.

use super::{
    Direction, Shared,
    bucket::{Bucket, Flow},
};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How many pieces may be on the way at once. At 64 KiB each this fills a line of 1 GB/s over 60 ms.
const ON_THE_WAY: usize = 1024;

/// A sender that lets us wait longer than this had nothing to send.
const SILENCE: Duration = Duration::from_millis(5);

/// A piece of the stream, and when it comes out at the other end.
struct Piece {
    bytes: Vec<u8>,
    due: Instant,
}

/// Carries bytes from `from` to `to` until either ends. None leaves before `ready`.
pub(super) fn pump(from: &TcpStream, to: &TcpStream, direction: &Direction, ready: Instant, shared: &Shared) {
    let (sender, receiver) = mpsc::sync_channel::<Piece>(ON_THE_WAY);
    thread::scope(|scope| {
        scope.spawn(move || deliver(to, direction, &receiver, shared));
        take_in(from, direction, ready, shared, &sender);
        drop(sender);
    });
}

/// Reads pieces at the pace of the line and sends them on their way.
fn take_in(
    mut from: &TcpStream,
    direction: &Direction,
    ready: Instant,
    shared: &Shared,
    way: &mpsc::SyncSender<Piece>,
) {
    let own = Bucket::new(shared.line.per_connection);
    let size = own.piece().min(direction.in_all.piece());
    loop {
        let mut bytes = vec![0; size];
        let asked = Instant::now();
        let Ok(count @ 1..) = from.read(&mut bytes) else { return };
        bytes.truncate(count);
        let now = Instant::now();
        let flow = if now - asked > SILENCE { Flow::Begun } else { Flow::Continued };
        let leaves = own.draw(count, now, flow).max(direction.in_all.draw(count, now, flow)).max(ready);
        if !shared.stop.sleep(leaves.saturating_duration_since(now)) {
            return;
        }
        // Counted from when it should have left, so that a late wake-up does not add up.
        let due = leaves.max(now) + shared.line.rtt / 2;
        if way.send(Piece { bytes, due }).is_err() {
            // The far side is gone: the sender is told by a closed connection.
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Writes each piece when it is due; passes on the end of the stream.
fn deliver(mut to: &TcpStream, direction: &Direction, way: &mpsc::Receiver<Piece>, shared: &Shared) {
    for piece in way {
        let wait = piece.due.saturating_duration_since(Instant::now());
        if (wait > Duration::ZERO && !shared.stop.sleep(wait)) || to.write_all(&piece.bytes).is_err() {
            return;
        }
        direction.bytes.fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
    }
    let _ = to.shutdown(Shutdown::Write);
}
