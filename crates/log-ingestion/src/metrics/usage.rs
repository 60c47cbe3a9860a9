//! How many bytes lie below the output folder: one walk over it.
//!
//! Follows no link, changes nothing, and leaves out what vanishes while it looks.

use std::path::Path;

use ingest_store::{Disk, Kind};

/// Names that one walk looks at: with a file a window, decades of hundreds of logs. A walk that meets more says so.
const NAMES_MAX: u64 = 20_000_000;

/// The folder of what is being made: it is gone in a moment, and none of what is stored.
const BEING_MADE: &str = "_staging";

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) bytes: u64,
    /// Whether there was more than it looks at.
    pub(super) is_cut: bool,
}

/// Adds up all files below a folder; `None` where the folder itself cannot be read.
pub(super) fn walk(disk: &dyn Disk, root: &Path) -> Option<Walked> {
    let mut found = Walked { bytes: 0, is_cut: false };
    let mut folders = vec![(root.to_owned(), disk.list(root).ok()?)];
    let mut names = 0;
    while let Some((folder, entries)) = folders.pop() {
        for entry in entries {
            if entry.name == BEING_MADE && folder == root {
                continue;
            }
            names += 1;
            if names > NAMES_MAX {
                found.is_cut = true;
                return Some(found);
            }
            let path = folder.join(entry.name);
            match entry.kind {
                Kind::File => {
                    let len = disk.metadata(&path).map_or(0, |facts| facts.len);
                    found.bytes = found.bytes.saturating_add(len);
                }
                Kind::Folder => {
                    let below = disk.list(&path).unwrap_or_default();
                    folders.push((path, below));
                }
                Kind::Other => {}
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use ingest_store::OsDisk;

    use super::*;

    #[test]
    fn files_are_added_up_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/one"), [0; 100]).unwrap();
        std::fs::write(at("two"), [0; 23]).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("a/loop")).unwrap();
        assert_eq!(walk(&OsDisk, folder.path()), Some(Walked { bytes: 123, is_cut: false }));
        assert_eq!(walk(&OsDisk, &at("absent")), None);
    }
}
