//! Where an archive is: a folder, or a bucket of an object store.
//!
//! Decides what a text names, for the setting and for the flag of `archive` alike. Touches no file, and asks no store.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A place for an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder that lies apart from the output folder.
    Folder(PathBuf),
    /// A bucket of an object store, or a prefix in it, by its URL.
    Bucket(String),
}

/// What the environment and `.env` say of object stores. Shows none of it: keys are in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreVariables(pub BTreeMap<String, String>);

impl fmt::Debug for StoreVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Place {
    /// The archive that a text names.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, output_dir: &Path) -> Result<Self, String> {
        let to = match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => PathBuf::from(path),
            Some(("file", _)) => {
                return Err("a file URL names a whole path, as file:///archive/logs".to_owned());
            }
            Some(_) => {
                return match ingest_bucket::check_address(text) {
                    Ok(()) => Ok(Self::Bucket(text.to_owned())),
                    Err(error) => Err(error.to_string()),
                };
            }
            None if text.is_empty() => return Err("it is empty; name a folder or a bucket".to_owned()),
            None => std::path::absolute(text).map_err(|error| error.to_string())?,
        };
        if is_apart(output_dir, &to) {
            return Ok(Self::Folder(to));
        }
        let (to, output_dir) = (to.display(), output_dir.display());
        Err(format!("{to} and OUTPUT_DIR {output_dir} lie within each other: readers would find rows twice"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(url) => f.write_str(url),
        }
    }
}

/// Whether neither folder is a part of the other, links followed.
fn is_apart(output_dir: &Path, to: &Path) -> bool {
    let output_dir = std::fs::canonicalize(output_dir).unwrap_or_else(|_missing| output_dir.to_owned());
    let known = to.ancestors().find_map(|folder| {
        let real = std::fs::canonicalize(folder).ok()?;
        Some(to.strip_prefix(folder).map_or_else(|_none| real.clone(), |rest| real.join(rest)))
    });
    let to = known.unwrap_or_else(|| to.to_owned());
    !to.starts_with(&output_dir) && !output_dir.starts_with(&to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_archives() {
        let check = |to: &str, want: &str| match Place::parse(to, Path::new("/data/logs")) {
            Ok(place) => assert_eq!(format!("{place:?}"), want, "{to}"),
            Err(why) => assert!(why.contains(want), "{to}: {why}"),
        };
        check("/archive/logs", "Folder(\"/archive/logs\")");
        check("file:///archive/logs", "Folder(\"/archive/logs\")");
        check("s3://bucket/logs", "Bucket(\"s3://bucket/logs\")");
        check("file://archive", "whole path");
        check("ftp://host/logs", "ftp is not spoken here");
        check("s3:///logs", "names no bucket");
        check("", "empty");
    }

    #[test]
    fn an_archive_is_neither_in_the_table_nor_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        std::fs::create_dir(&output).unwrap();
        std::os::unix::fs::symlink(&output, folder.path().join("link")).unwrap();
        for (to, fine) in
            [("cold", true), ("out2/x", true), ("out/cold", false), ("link/cold/x", false), ("", false)]
        {
            assert_eq!(is_apart(&output, &folder.path().join(to)), fine, "{to}");
        }
    }

    #[test]
    fn variables_of_a_store_are_shown_by_name_only() {
        let variables = StoreVariables([("AWS_SECRET_ACCESS_KEY".to_owned(), "canary".to_owned())].into());
        assert_eq!(format!("{variables:?}"), "{\"AWS_SECRET_ACCESS_KEY\"}");
    }
}
