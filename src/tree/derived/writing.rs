//! Text written to local disk as it is made, so that size is no matter.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::tree::Error;
use crate::tree::generated::Written;

/// A file without a name, being written. Writing never fails where it is called: the first failure is told at the
/// end.
pub struct Writing {
    text: BufWriter<File>,
    failed: Option<io::Error>,
    folder: String,
}

impl Writing {
    /// Begins a file in `folder`.
    pub fn begin(folder: &Path) -> Result<Writing, Error> {
        let shown = folder.display().to_string();
        let file = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        let file = file.map_err(|error| Error::Disk(format!("{shown}: {error}")))?;
        Ok(Writing { text: BufWriter::new(file), failed: None, folder: shown })
    }

    /// Adds text.
    pub fn add(&mut self, text: std::fmt::Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = self.text.write_fmt(text).err();
        }
    }

    /// The finished file.
    pub fn end(self) -> Result<Written, Error> {
        let Writing { text, failed, folder } = self;
        let finish = || -> io::Result<Written> {
            failed.map_or(Ok(()), Err)?;
            let file = text.into_inner().map_err(io::IntoInnerError::into_error)?;
            let size = file.metadata()?.len();
            Ok(Written { file: Arc::new(file), size })
        };
        finish().map_err(|error| Error::Disk(format!("{folder}: {error}")))
    }
}

/// Text as part of XML: of an element or of an attribute.
pub fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no way to write other control characters.
            sign if sign.is_control() && !matches!(sign, '\n' | '\t') => safe.push(' '),
            sign => safe.push(sign),
        }
    }
    safe
}
