//! The file that the service's log goes to: appended to a line at a time, and opened anew when it was moved away.
//!
//! Decides how a line reaches the file whole, never what stands in it, nor when the file is opened anew.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ingest_store::{FILE_MODE, FOLDER_MODE};

/// An open log file; its clones share it.
#[derive(Debug, Clone)]
pub struct LogFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Whether the last line may have been written in part.
    torn: bool,
}

impl LogFile {
    /// Opens the file for appending, and makes it, with its folder, where it is missing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let open = Mutex::new(Open { file: append(path)?, torn: false });
        Ok(Self(Arc::new(Shared { path: path.to_owned(), open })))
    }

    /// Whether a file of this name that is there could be opened. Makes none.
    ///
    /// # Errors
    /// When it could not.
    pub fn check(path: &Path) -> io::Result<()> {
        match OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map(|_file| ()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Goes on in the file that has the name now: a new one, where the old one was moved away.
    ///
    /// # Errors
    /// When it cannot be opened; lines then go where they went.
    pub fn reopen(&self) -> io::Result<()> {
        let file = append(&self.0.path)?;
        *self.0.open.lock().unwrap_or_else(PoisonError::into_inner) = Open { file, torn: false };
        Ok(())
    }

    /// Appends a line. One that cannot be written is lost: the log must not stop the work that it tells of.
    pub(super) fn write(&self, line: &str) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, so that lines of two processes do not mix; on a line of its own after one that a full disk cut.
        let start = if open.torn { "\n" } else { "" };
        let written = open.file.write_all(format!("{start}{line}\n").as_bytes());
        open.torn = written.is_err();
    }
}

fn append(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_go_on_in_a_new_file_once_the_old_one_was_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("var/log/service.log");
        let log = LogFile::open(&path).unwrap();
        log.write("one");
        let moved = path.with_extension("log.1");
        std::fs::rename(&path, &moved).unwrap();
        log.write("two");
        log.reopen().unwrap();
        log.write("three");
        assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o640, 0o750));
    }

    #[test]
    fn a_file_that_cannot_be_opened_anew_keeps_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log/service.log");
        let log = LogFile::open(&path).unwrap();
        let moved = folder.path().join("moved");
        std::fs::rename(path.parent().unwrap(), &moved).unwrap();
        std::fs::write(folder.path().join("log"), "in the way").unwrap();
        assert!(log.reopen().is_err() && LogFile::check(&path).is_err());
        log.write("still here");
        assert_eq!(std::fs::read_to_string(moved.join("service.log")).unwrap(), "still here\n");
    }

    #[test]
    fn an_old_log_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        std::fs::write(&path, "before\n").unwrap();
        assert!(LogFile::check(&path).is_ok() && LogFile::check(&folder.path().join("absent")).is_ok());
        LogFile::open(&path).unwrap().write("after");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nafter\n");
        assert!(!folder.path().join("absent").exists());
    }
}
