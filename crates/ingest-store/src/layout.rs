//! Names of committed files: a function of log, span and content, and back.
//!
//! Decides where a window's file lies under each layout and which names are files of ours. Never touches a disk.

use std::path::{Path, PathBuf};

use ingest_core::ids::Slug;
use ingest_core::time::{LogWindow, Timestamp, UtcDay};

/// How files are laid out below `OUTPUT_DIR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `log=<slug>/day=YYYY-MM-DD/<start>_<end>_<rows>_<hash>.parquet`
    Hive,
    /// The runbook's `YYYY/MM/DD/<slug>_<start>_<end>_<rows>_<hash>.parquet`
    Date,
    /// `<slug>_<start>_<end>_<rows>_<hash>.parquet`
    Flat,
}

/// Folders of ours in `OUTPUT_DIR`; readers skip names that begin with an underscore.
pub(crate) const STAGING: &str = "_staging";
pub(crate) const QUARANTINE: &str = "_quarantine";
pub(crate) const REPLACED: &str = "_replaced";
pub(crate) const INGEST: &str = "_ingest";
pub(crate) const REMOVED: &str = "_removed";
/// Ending of committed files.
pub(crate) const ENDING: &str = "parquet";

/// What a committed file's name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// The log's folder name.
    pub slug: Slug,
    /// The span that the file holds whole.
    pub window: LogWindow,
    /// Its rows.
    pub rows: u64,
    /// First 16 hex digits of its content hash.
    pub hash: String,
}

/// Hex digits of the content hash that a name carries.
const HASH_DIGITS: usize = 16;

impl FileName {
    /// The name for a window's file.
    #[must_use]
    pub fn new(slug: &Slug, window: LogWindow, rows: u64, content_hash: &str) -> Self {
        let hash = content_hash.chars().take(HASH_DIGITS).collect();
        Self { slug: slug.clone(), window, rows, hash }
    }

    /// The file's path below `OUTPUT_DIR`.
    #[must_use]
    pub fn path(&self, layout: Layout) -> PathBuf {
        let Self { slug, window, rows, hash } = self;
        let stem = format!("{}_{}_{rows}_{hash}", window.start().compact(), window.end().compact());
        let day = window.start().day().to_string();
        match layout {
            Layout::Hive => format!("log={slug}/day={day}/{stem}.{ENDING}").into(),
            Layout::Date => format!("{}/{slug}_{stem}.{ENDING}", day.replace('-', "/")).into(),
            Layout::Flat => format!("{slug}_{stem}.{ENDING}").into(),
        }
    }

    /// The folders below `OUTPUT_DIR` in which a log's files of a day may lie, whatever the layout.
    #[must_use]
    pub fn folders(slug: &Slug, day: UtcDay) -> [PathBuf; 3] {
        let day = day.to_string();
        let date = day.replace('-', "/");
        [format!("log={slug}/day={day}").into(), date.into(), PathBuf::new()]
    }

    /// Reads a path below `OUTPUT_DIR` back, whatever its layout; `None` for files that are not ours.
    #[must_use]
    pub fn parse(path: &Path) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(&format!(".{ENDING}"))?;
        let mut parts = stem.rsplitn(4, '_');
        let (hash, rows, end, start) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (slug, start) = match start.rsplit_once('_') {
            Some((slug, start)) => (slug.to_owned(), start),
            None => (hive_log(path)?, start),
        };
        let window = LogWindow::new(Timestamp::from_compact(start)?, Timestamp::from_compact(end)?)?;
        let known = hash.len() == HASH_DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit());
        known.then_some(())?;
        Some(Self { slug: Slug::parse(&slug).ok()?, window, rows: rows.parse().ok()?, hash: hash.to_owned() })
    }
}

fn hive_log(path: &Path) -> Option<String> {
    let folder = path.parent()?.parent()?.file_name()?.to_str()?;
    folder.strip_prefix("log=").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use ingest_core::ids::LogId;

    use super::*;

    fn name() -> FileName {
        let start = Timestamp::parse("2026-02-10T23:00:00.001Z").unwrap();
        let window = LogWindow::new(start, start.plus_millis(1_500)).unwrap();
        FileName::new(
            &Slug::of("Firewall Activity", &LogId::new("x")),
            window,
            42,
            "0123456789abcdef0123456789abcdef",
        )
    }

    #[test]
    fn every_layout_reads_back() {
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            assert_eq!(FileName::parse(&name().path(layout)), Some(name()), "{layout:?}");
        }
    }

    #[test]
    fn a_hive_path_says_log_day_span_rows_and_hash() {
        let path = name().path(Layout::Hive);
        let slug = name().slug;
        let want = format!(
            "log={slug}/day=2026-02-10/20260210T230000001Z_20260210T230001501Z_42_0123456789abcdef.parquet"
        );
        assert_eq!(path.to_str().unwrap(), want);
    }

    /// Names as a sender may choose them to do harm.
    const ODD: [&str; 18] = [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "a\0b",
        "CON",
        "nul.txt",
        "_staging",
        "_ingest",
        "_quarantine",
        ".hidden",
        "\u{202e}fdp.exe",
        "\u{1b}[2J",
        "C:\\Windows",
        "log=x/day=2026-01-01",
        "Web Access",
        "web-access",
    ];

    fn path_of(name: &str, id: &str, layout: Layout) -> PathBuf {
        let start = Timestamp::from_millis(0);
        let window = LogWindow::new(start, start.plus_millis(1)).unwrap();
        FileName::new(&Slug::of(name, &LogId::new(id)), window, 1, "0123456789abcdef").path(layout)
    }

    /// Below the folder, in no folder of ours, hidden from no reader, and short and plain enough for any filesystem.
    #[track_caller]
    fn check_inside(name: &str, path: &Path) {
        for component in path.components() {
            let std::path::Component::Normal(part) = component else { panic!("{name:?} leaves: {path:?}") };
            let part = part.to_str().unwrap();
            assert!(
                part.len() <= 200 && part.is_ascii() && !part.contains(['\0', '\\', ':']),
                "{name:?}: {path:?}"
            );
            assert!(!part.starts_with(['_', '.']) && !part.ends_with('.'), "{name:?}: {path:?}");
            assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}: {path:?}");
        }
        assert!(FileName::parse(path).is_some(), "{name:?} does not read back: {path:?}");
    }

    #[test]
    fn odd_names_stay_inside_and_apart_in_every_layout() {
        let long = "x".repeat(300);
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            let mut seen = std::collections::BTreeSet::new();
            // Each name twice: logs may share a name, and are told apart by their ids.
            for (at, name) in ODD.into_iter().chain([long.as_str()]).cycle().take(2 * ODD.len()).enumerate() {
                let path = path_of(name, &format!("id-{at}"), layout);
                check_inside(name, &path);
                assert!(
                    seen.insert(path.to_str().unwrap().to_ascii_lowercase()),
                    "{name:?} collides: {path:?}"
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_stays_inside(name in "\\PC{0,40}|[\\x00-\\x7f]{0,300}|(\\.\\./){1,9}.{0,9}", id in ".{0,40}") {
            for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
                check_inside(&name, &path_of(&name, &id, layout));
            }
        }

        #[test]
        fn logs_of_one_name_are_apart(name in ".{0,40}", ids in proptest::collection::btree_set("[0-9a-f-]{36}", 2..20)) {
            for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
                let paths: std::collections::BTreeSet<_> = ids.iter().map(|id| path_of(&name, id, layout)).collect();
                proptest::prop_assert_eq!(paths.len(), ids.len());
            }
        }
    }

    #[test]
    fn other_files_are_not_ours() {
        for path in ["a.parquet", "log=x/day=2026-01-01/part-0.parquet", "x_y_z_w_v.parquet", "notes.txt"] {
            assert_eq!(FileName::parse(Path::new(path)), None, "{path}");
        }
    }
}
