//! A folder of the table in which several files become others, in one step for whoever looks.
//!
//! What the folder is to be is laid out beside the table: the new files, and everything else in it under a second name.
//! Then the two folders are exchanged. At every instant the table holds all of the old files or all of the new ones.
//! Never looks into a file: that the rows are the same is the caller's to prove.

use std::io;
use std::path::PathBuf;

use super::{DirTable, Staged, TableFile};
use crate::disk::Kind;
use crate::durable;
use crate::error::StoreError;
use crate::layout::{FileName, STAGING};

/// A folder as it is to be, beside the table.
#[derive(Debug)]
#[must_use = "nothing has changed in the table before it is exchanged"]
pub struct Refolded {
    folder: PathBuf,
    beside: PathBuf,
}

impl DirTable {
    /// Lays out beside the table what the folder of `gone` is to be: with files staged, synced and checked, in the place
    /// of those. All of them lie in that folder.
    ///
    /// # Errors
    /// When the folder cannot be exchanged, or the disk refuses; the table is as it was.
    pub fn refold(&self, new: Vec<(Staged, FileName)>, gone: &[TableFile]) -> Result<Refolded, StoreError> {
        let refuse = |folder: &PathBuf, why: &str| {
            StoreError::at("exchange the files of", folder)(io::Error::other(why.to_owned()))
        };
        let first = gone.first().ok_or_else(|| refuse(&self.root, "there are none"))?;
        let folder = first.path.parent().unwrap_or(&self.root).to_owned();
        if folder == self.root {
            return Err(refuse(
                &folder,
                "files of LAYOUT=flat lie in OUTPUT_DIR itself, which cannot be exchanged",
            ));
        }
        let beside = self.staging_path("folder");
        durable::create_dir(&*self.disk, &beside)?;
        for entry in durable::list(&*self.disk, &folder)? {
            let (path, second) = (folder.join(&entry.name), beside.join(&entry.name));
            if gone.iter().any(|file| file.path == path) {
                continue;
            }
            if entry.kind != Kind::File {
                return Err(refuse(&path, "it is no file, and there is no way to have it in two folders"));
            }
            self.disk.link(&path, &second).map_err(StoreError::at("link", &second))?;
        }
        for (mut staged, name) in new {
            let path = self.beside_file(first, &name);
            let path = beside.join(path.file_name().unwrap_or_default());
            self.disk.rename(&staged.path, &path).map_err(StoreError::at("move to", &path))?;
            staged.published = true;
        }
        durable::sync_dir(&*self.disk, &beside)?;
        Ok(Refolded { folder, beside })
    }

    /// Exchanges a folder for what was laid out, and removes what it was.
    ///
    /// # Errors
    /// When the disk refuses, or has no such step. The table is as it was, or exchanged, which its names tell.
    pub fn exchange(&self, refolded: &Refolded) -> Result<(), StoreError> {
        let Refolded { folder, beside } = refolded;
        self.disk.exchange(folder, beside).map_err(StoreError::at("exchange in one step", folder))?;
        folder.parent().map_or(Ok(()), |parent| durable::sync_dir(&*self.disk, parent))?;
        durable::sync_dir(&*self.disk, &self.root.join(STAGING))?;
        durable::remove_tree(&*self.disk, beside, Kind::Folder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use ingest_core::ids::{LogId, Slug};
    use ingest_core::time::{LogWindow, Timestamp};

    use super::*;
    use crate::disk::OsDisk;
    use crate::layout::Layout;

    #[test]
    fn several_files_become_one_and_all_others_stay() {
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            let folder = tempfile::tempdir().unwrap();
            let table = DirTable::open(OsDisk::shared(), folder.path(), layout).unwrap();
            let slug = Slug::of("web", &LogId::new("x"));
            let name = |from, to, hash: &str| {
                let window = LogWindow::new(Timestamp::from_millis(from), Timestamp::from_millis(to));
                FileName::new(&slug, window.unwrap(), 3, &hash.repeat(16))
            };
            let staged = || {
                let (staged, mut file) = table.stage().unwrap();
                file.write_all(b"bytes").unwrap();
                staged
            };
            let a = table.publish(staged(), &name(0, 10, "ab")).unwrap();
            let b = table.publish(staged(), &name(10, 20, "01")).unwrap();
            let c = table.publish(staged(), &name(20, 30, "23")).unwrap();
            let whole = name(0, 20, "cd");
            let refolded = table.refold(vec![(staged(), whole.clone())], &[a.clone(), b.clone()]);
            if layout == Layout::Flat {
                assert!(refolded.unwrap_err().cause.to_string().contains("LAYOUT=flat"));
                assert_eq!(table.files().unwrap(), [a, b, c]);
                continue;
            }
            let refolded = refolded.unwrap();
            assert_eq!(table.files().unwrap(), [a, b, c.clone()], "nothing is done yet");
            table.exchange(&refolded).unwrap();
            let files = table.files().unwrap();
            assert_eq!((files.len(), &files[0].name, &files[1]), (2, &whole, &c), "{layout:?}");
            assert_eq!(files[0].path, folder.path().join(whole.path(layout)));
            let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&files[0].path), mode(files[0].path.parent().unwrap())), (0o640, 0o750));
            assert_eq!(fs::read_dir(folder.path().join(STAGING)).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_was_laid_out_and_not_exchanged_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let open = || DirTable::open(OsDisk::shared(), folder.path(), Layout::Hive).unwrap();
        let beside = folder.path().join(STAGING).join("000000.folder");
        fs::create_dir_all(&beside).unwrap();
        fs::write(beside.join("x.parquet"), b"x").unwrap();
        open();
        assert!(!beside.exists());
    }
}
