//! The embedded USGS servers: M2M, the inventory API that it replaced, ESPA, and the hosts of their downloads.
//!
//! In: requests over loopback; from tests, faults and turns of the clock. Out: answers with the shapes, the
//! words and the quirks of the real services, for which `facts` were taken from the real ones and not from our
//! client.
//!
//! All servers show one archive of scenes and know the same accounts; user `demo` has the password
//! `demo-password` (ESPA, inventory API) and the application token `demo-token` (M2M).

pub mod accounts;
pub mod clock;
pub mod scenes;
