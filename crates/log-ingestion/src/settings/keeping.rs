//! What becomes of days that are stored: how long they are kept, where to they move, when their files become few.
//!
//! Decides what the settings mean together, and where an archive may be, for the setting and for the flag of `archive`
//! alike. Touches no file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ingest_core::upkeep::Retention;
use ingest_store::layout::Layout;

use super::meaning::{Reader, bytes};

/// Most days that a setting may name: a hundred years.
const DAYS_MAX: u64 = 36_500;

/// What is done with stored days between two passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeping {
    /// `RETENTION_DAYS`, `RETENTION_MAX_BYTES`
    pub retention: Retention,
    /// `ARCHIVE_TO`, `ARCHIVE_AFTER_DAYS`; `None` where nothing is archived
    pub archive: Option<ArchiveSettings>,
    /// `COMPACT_AFTER_DAYS`; `None` for never
    pub compact_after: Option<Duration>,
}

/// Where days move to, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// A folder that lies apart from the output folder.
    pub to: PathBuf,
    /// How long ago a day's last instant is then.
    pub after: Duration,
}

pub(super) fn read(r: &mut Reader<'_>, output_dir: Option<&Path>, layout: Option<Layout>) -> Option<Keeping> {
    let retention = retention(r);
    let archive = archive(r, output_dir, retention);
    let compact_after = r.number("COMPACT_AFTER_DAYS", 0, DAYS_MAX);
    let compact_after = compact_after?;
    if compact_after > 0 && layout == Some(Layout::Flat) {
        r.refuse("COMPACT_AFTER_DAYS", "it cannot be done with LAYOUT=flat".to_owned());
    }
    let compact_after = (compact_after > 0).then(|| days(compact_after));
    Some(Keeping { retention: retention?, archive: archive?, compact_after })
}

pub(super) fn retention(r: &mut Reader<'_>) -> Option<Retention> {
    let days = r.number("RETENTION_DAYS", 0, DAYS_MAX);
    let most = r.take("RETENTION_MAX_BYTES", bytes);
    let (days, most) = (u32::try_from(days?).ok()?, most?);
    Some(Retention { days: (days > 0).then_some(days), bytes: (most > 0).then_some(most) })
}

fn archive(
    r: &mut Reader<'_>,
    output_dir: Option<&Path>,
    retention: Option<Retention>,
) -> Option<Option<ArchiveSettings>> {
    let to = r.take("ARCHIVE_TO", |text| Some(text.to_owned()));
    let after = r.number("ARCHIVE_AFTER_DAYS", 1, DAYS_MAX);
    let (to, after) = (to?, after?);
    if to.is_empty() {
        return Some(None);
    }
    // What is removed before it is archived would be gone for good.
    let kept = retention.and_then(|retention| retention.days).map(u64::from);
    if let Some(kept) = kept.filter(|kept| *kept < after) {
        r.refuse(
            "ARCHIVE_AFTER_DAYS",
            format!("{after} is more than RETENTION_DAYS={kept}, after which a day is removed"),
        );
    }
    match archive_folder(&to, output_dir?) {
        Ok(to) => Some(Some(ArchiveSettings { to, after: days(after) })),
        Err(why) => {
            r.refuse("ARCHIVE_TO", why);
            None
        }
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(86_400))
}

/// The folder that a text names as an archive, which lies apart from the output folder.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn archive_folder(text: &str, output_dir: &Path) -> Result<PathBuf, String> {
    let to = folder(text)?;
    if is_apart(output_dir, &to) {
        return Ok(to);
    }
    let (to, output_dir) = (to.display(), output_dir.display());
    Err(format!("{to} and OUTPUT_DIR {output_dir} lie within each other: readers would find rows twice"))
}

fn folder(text: &str) -> Result<PathBuf, String> {
    match text.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
        Some(("file", _)) => Err("a file URL names a whole path, as file:///archive/logs".to_owned()),
        Some((scheme, _)) => Err(format!(
            "{scheme} is not spoken here, only folders and file:///. Copy to a folder first and from there, so that what is \
             verified is what is sent: log-ingestion archive --to DIR --copy, then {}",
            tool(scheme, text)
        )),
        None if text.is_empty() => Err("it is empty; name a folder".to_owned()),
        None => std::path::absolute(text).map_err(|error| error.to_string()),
    }
}

/// What brings a folder to an object store.
fn tool(scheme: &str, to: &str) -> String {
    match scheme {
        "s3" => format!("aws s3 sync DIR {to}"),
        "gs" => format!("gcloud storage rsync --recursive DIR {to}"),
        "az" | "abfs" | "abfss" => "azcopy sync DIR URL".to_owned(),
        _ => format!("rclone copy DIR to {to}"),
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::{Layers, Settings};

    #[test]
    fn only_folders_are_archives_and_others_are_told_how() {
        let check = |to: &str, want: &str| match folder(to) {
            Ok(path) => assert_eq!(path.to_str().unwrap(), want, "{to}"),
            Err(why) => assert!(why.contains(want), "{to}: {why}"),
        };
        check("/archive/logs", "/archive/logs");
        check("file:///archive/logs", "/archive/logs");
        check("file://archive", "whole path");
        check("s3://bucket/logs", "aws s3 sync DIR s3://bucket/logs");
        check("gs://bucket", "gcloud storage rsync");
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

    fn keeping(values: &[(&str, &str)]) -> Result<Keeping, String> {
        let base = [
            ("RAPID7_API_KEY", "k"),
            ("RAPID7_API_ENDPOINT", "http://127.0.0.1:1"),
            ("OUTPUT_DIR", "/data/logs"),
        ];
        let values = base.iter().chain(values).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let layers = Layers { environment: values.collect::<BTreeMap<_, _>>(), ..Layers::default() };
        Settings::resolve(&layers).map(|settings| settings.keeping).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_removed_moved_or_compacted_unless_asked_for() {
        assert_eq!(keeping(&[]).unwrap(), Keeping::default());
        assert_eq!(keeping(&[("ARCHIVE_AFTER_DAYS", "7")]).unwrap(), Keeping::default());
        let asked = [("ARCHIVE_TO", "/archive"), ("COMPACT_AFTER_DAYS", "2"), ("RETENTION_DAYS", "30")];
        let have = keeping(&asked).unwrap();
        let archive = have.archive.unwrap();
        assert_eq!((archive.to, archive.after), (PathBuf::from("/archive"), days(30)));
        assert_eq!((have.compact_after, have.retention.days), (Some(days(2)), Some(30)));
    }

    #[test]
    fn settings_that_contradict_each_other_are_faults() {
        for (values, said) in [
            (&[("ARCHIVE_TO", "/archive"), ("RETENTION_DAYS", "29")][..], "ARCHIVE_AFTER_DAYS: 30 is more"),
            (&[("ARCHIVE_TO", "/data/logs/cold")], "ARCHIVE_TO: /data/logs/cold and OUTPUT_DIR"),
            (&[("ARCHIVE_TO", "s3://bucket/logs")], "ARCHIVE_TO: s3 is not spoken here"),
            (&[("ARCHIVE_AFTER_DAYS", "0")], "ARCHIVE_AFTER_DAYS: \"0\""),
            (&[("COMPACT_AFTER_DAYS", "2"), ("LAYOUT", "flat")], "COMPACT_AFTER_DAYS: it cannot be done"),
        ] {
            let error = keeping(values).unwrap_err();
            assert!(error.contains(said), "{values:?}: {error}");
        }
    }
}
