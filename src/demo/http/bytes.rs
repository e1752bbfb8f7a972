//! Bytes that can be read at any place, so that a body of any size needs no memory.

use std::io;

/// A random-access source of bytes, for example an asset that is synthesised on the fly.
pub trait Bytes: Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on. The caller keeps `offset + buf.len()` within [`len`](Self::len).
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes held in memory.
#[derive(Clone, Debug)]
pub struct Slice(pub Vec<u8>);

impl Bytes for Slice {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let part = start.checked_add(buf.len()).and_then(|end| self.0.get(start..end));
        buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
