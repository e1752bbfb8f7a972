//! The Python of the tests: pystac-client, pystac, lsru, validators. `scripts/test` makes it in `.venv`.

use std::path::PathBuf;

/// The environment's folder: `STACFS_TEST_VENV`, else `.venv`. Panics with a sentence where there is none: what
/// these programs judge must not pass because they are missing.
pub fn environment() -> PathBuf {
    let named = std::env::var_os("STACFS_TEST_VENV").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv")));
    assert!(
        folder.join("bin/python3").exists(),
        "{} is no Python environment: run scripts/test once, it makes the one that these tests need",
        folder.display()
    );
    folder
}
