//! A small HTTP/1.1 server on loopback, made to misbehave on demand.
//!
//! In: a [`Service`] that answers requests. Out: a [`Server`] at an ephemeral port, with a [`Journal`] of all
//! that was asked of it and [`Faults`] that can be switched on per path. It is our own because a fault must be
//! able to cut a body in the middle of a range, to stall, to drip and to reset, which a well-behaved HTTP
//! library rightly refuses to do.

mod bytes;
mod connection;
mod content;
mod fault;
mod headers;
mod journal;
#[cfg(test)]
pub(in crate::demo) mod probe;
mod request;
mod response;
mod server;
mod sign;
mod spoil;
#[cfg(test)]
mod tests;
mod wire;

pub use bytes::{Bytes, Slice};
pub use content::{Content, answer_content};
pub use fault::{Credential, Detour, Fault, Faults, Rule};
pub use headers::Headers;
pub use journal::{Entry, Journal};
pub use request::Request;
pub use response::{Body, Response};
pub use server::Server;
pub(in crate::demo) use server::Stop;
pub use sign::{Lifetime, Signatures};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a server asks for each request. Called from many threads at once.
pub trait Service: Send + Sync {
    /// Answers `request`. A HEAD request may be answered as GET: the server leaves the body out.
    fn answer(&self, request: &Request) -> Response;
}

impl<F: Fn(&Request) -> Response + Send + Sync> Service for F {
    fn answer(&self, request: &Request) -> Response {
        self(request)
    }
}

/// Bytes as hexadecimal digits.
pub(in crate::demo) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Locks a mutex whose contents stay valid even where a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
