//! A window's file in place of the one before: at every instant exactly one of the two is in the table.
//!
//! A name carries rows and hash, so new content under a new name would be two steps for whoever lists the folder. The
//! new file therefore takes the old one's name first, in one rename, and then its own, in another. A kill between the
//! two leaves the new content under the old name, which [`DirTable::rename_to`] puts right. What is replaced by less is
//! kept in `_replaced`, since the source may have lost what the old file still has.

use std::io::{self, Seek as _};
use std::path::PathBuf;

use ingest_core::ids::Slug;
use ingest_core::time::LogWindow;

use super::{DirTable, Staged, TableFile};
use crate::durable;
use crate::error::StoreError;
use crate::layout::{FileName, Layout, REPLACED};

impl DirTable {
    /// The files of a log that share an instant with `window`, in the order of their names.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn files_of(&self, slug: &Slug, window: LogWindow) -> Result<Vec<TableFile>, StoreError> {
        let wanted = |name: &FileName| name.slug == *slug && name.window.overlaps(window);
        let mut files = Vec::new();
        for day in window.by_day() {
            // A file of another layout, from before the setting was changed, lies in another folder: all are looked into.
            for folder in FileName::folders(slug, day.start().day()) {
                self.collect((&self.root.join(folder), super::DEPTH_MAX), &wanted, &mut files)?;
            }
        }
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Puts a staged file, synced and checked, in the place of `old`, which holds the same window.
    ///
    /// # Errors
    /// When it could not be moved; one of the two is in the table all the same.
    pub fn replace(
        &self,
        mut staged: Staged,
        name: &FileName,
        old: &TableFile,
    ) -> Result<TableFile, StoreError> {
        if name.rows < old.name.rows {
            self.keep_aside(old)?;
        }
        let bytes = self.look_at(&staged.path)?;
        durable::publish(&*self.disk, &staged.path, &old.path)?;
        staged.published = true;
        self.rename_to(&TableFile { bytes, ..old.clone() }, name)
    }

    /// Gives a committed file the name that its content asks for, in the folder in which it is.
    ///
    /// # Errors
    /// When it could not be moved.
    pub fn rename_to(&self, file: &TableFile, name: &FileName) -> Result<TableFile, StoreError> {
        let path = self.beside_file(file, name);
        if path != file.path {
            durable::publish(&*self.disk, &file.path, &path)?;
        }
        Ok(TableFile { name: name.clone(), path, bytes: file.bytes })
    }

    /// Where a file of this name lies in the folder of another: as the folder wants it, whatever the layout is now, since
    /// under another one its names may lack the log.
    pub(super) fn beside_file(&self, file: &TableFile, name: &FileName) -> PathBuf {
        let below = file.path.strip_prefix(&self.root).unwrap_or(&file.path);
        let layouts = [self.layout, Layout::Hive, Layout::Date, Layout::Flat];
        let own = layouts.into_iter().find(|layout| file.name.path(*layout) == below);
        let path = name.path(own.unwrap_or(self.layout));
        file.path.with_file_name(path.file_name().unwrap_or_default())
    }

    /// Takes a file out of the table whose window has no rows any more; it is kept in `_replaced`.
    ///
    /// # Errors
    /// When it could not be moved.
    pub fn withdraw(&self, file: &TableFile) -> Result<(), StoreError> {
        let to = self.aside(&file.name.slug)?.join(file.path.file_name().unwrap_or_default());
        durable::publish(&*self.disk, &file.path, &to)?;
        file.path.parent().map_or(Ok(()), |folder| durable::sync_dir(&*self.disk, folder))
    }

    /// Makes the name of a file durable that a process published which may not have come to it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make_durable(&self, file: &TableFile) -> Result<(), StoreError> {
        file.path.parent().map_or(Ok(()), |folder| {
            durable::create_dir(&*self.disk, folder)?;
            durable::sync_dir(&*self.disk, folder)
        })
    }

    /// Copies a file to `_replaced`, durably.
    fn keep_aside(&self, file: &TableFile) -> Result<(), StoreError> {
        let to = self.aside(&file.name.slug)?.join(file.path.file_name().unwrap_or_default());
        durable::remove_if_there(&*self.disk, &to)?;
        let mut from = self.read(file)?;
        let mut copy = durable::create_file(&*self.disk, &to)?;
        let copied = from.rewind().and_then(|()| io::copy(&mut from, &mut copy));
        copied.and_then(|_bytes| copy.sync_all()).map_err(StoreError::at("write", &to))?;
        to.parent().map_or(Ok(()), |folder| durable::sync_dir(&*self.disk, folder))
    }

    /// The folder for what a log's table holds no longer.
    pub(super) fn aside(&self, slug: &Slug) -> Result<PathBuf, StoreError> {
        let folder = self.root.join(REPLACED).join(format!("log={slug}"));
        durable::create_dir(&*self.disk, &folder)?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use ingest_core::ids::LogId;
    use ingest_core::time::Timestamp;

    use super::*;
    use crate::disk::OsDisk;

    fn window(start: i64, end: i64) -> LogWindow {
        LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
    }

    fn slug() -> Slug {
        Slug::of("web", &LogId::new("x"))
    }

    fn staged(table: &DirTable, bytes: &[u8]) -> Staged {
        let (staged, mut file) = table.stage().unwrap();
        file.write_all(bytes).unwrap();
        staged.sync(&*file).unwrap();
        staged
    }

    #[test]
    fn a_replacement_is_the_one_file_of_its_window_and_keeps_what_it_lacks() {
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            let folder = tempfile::tempdir().unwrap();
            let table = DirTable::open(OsDisk::shared(), folder.path(), layout).unwrap();
            let name = |rows, hash: &str| FileName::new(&slug(), window(0, 10), rows, &hash.repeat(16));
            let old = table.publish(staged(&table, b"three"), &name(3, "ab")).unwrap();
            let beside = FileName::new(&slug(), window(10, 20), 1, &"cd".repeat(16));
            table.publish(staged(&table, b"one"), &beside).unwrap();
            assert_eq!(table.files_of(&slug(), window(5, 10)).unwrap(), std::slice::from_ref(&old));

            let more = table.replace(staged(&table, b"four"), &name(4, "12"), &old).unwrap();
            assert_eq!(table.files_of(&slug(), window(0, 10)).unwrap(), std::slice::from_ref(&more));
            assert_eq!(fs::read(&more.path).unwrap(), b"four");
            assert!(!folder.path().join(REPLACED).exists());

            let less = table.replace(staged(&table, b"two"), &name(2, "34"), &more).unwrap();
            assert_eq!(table.files_of(&slug(), window(0, 10)).unwrap(), std::slice::from_ref(&less));
            let kept = folder.path().join(REPLACED).join(format!("log={}", slug()));
            assert_eq!(fs::read(kept.join(more.path.file_name().unwrap())).unwrap(), b"four");

            table.withdraw(&less).unwrap();
            assert_eq!(table.files_of(&slug(), window(0, 10)).unwrap(), []);
            assert_eq!(table.files().unwrap().len(), 1);
        }
    }

    #[test]
    fn a_replacement_is_named_as_its_folder_wants_it_whatever_the_layout_is_now() {
        let layouts = [Layout::Hive, Layout::Date, Layout::Flat];
        for (was, is) in layouts.into_iter().flat_map(|was| layouts.map(|is| (was, is))) {
            let folder = tempfile::tempdir().unwrap();
            let open = |layout| DirTable::open(OsDisk::shared(), folder.path(), layout).unwrap();
            let name = |rows, hash: &str| FileName::new(&slug(), window(0, 10), rows, &hash.repeat(16));
            let table = open(was);
            let old = table.publish(staged(&table, b"three"), &name(3, "ab")).unwrap();
            let table = open(is);
            let new = table.replace(staged(&table, b"four"), &name(4, "12"), &old).unwrap();
            assert_eq!(table.files().unwrap(), [new], "{was:?} {is:?}");
        }
    }
}
