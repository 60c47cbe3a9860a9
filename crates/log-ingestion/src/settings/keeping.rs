//! What becomes of days that are stored: how long they are kept, where to they move, when their files become few.
//!
//! Decides what the settings mean together. Touches no file.

use std::path::Path;
use std::time::Duration;

use ingest_core::upkeep::Retention;
use ingest_store::layout::Layout;

use super::meaning::{Reader, bytes};
use super::place::{Place, StoreVariables};

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
    /// The archive.
    pub to: Place,
    /// How it is reached, if it is in an object store.
    pub variables: StoreVariables,
    /// How long ago a day's last instant is then.
    pub after: Duration,
}

pub(super) fn read(r: &mut Reader<'_>, output_dir: Option<&Path>, layout: Option<Layout>) -> Option<Keeping> {
    let retention = retention(r);
    let archive = archive(r, output_dir);
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

fn archive(r: &mut Reader<'_>, output_dir: Option<&Path>) -> Option<Option<ArchiveSettings>> {
    let to = r.take("ARCHIVE_TO", |text| Some(text.to_owned()));
    let after = r.number("ARCHIVE_AFTER_DAYS", 1, DAYS_MAX);
    let (to, after) = (to?, after?);
    if to.is_empty() {
        return Some(None);
    }
    match Place::parse(&to, output_dir?) {
        Ok(to) => Some(Some(ArchiveSettings { to, variables: r.store_variables(), after: days(after) })),
        Err(why) => {
            r.refuse("ARCHIVE_TO", why);
            None
        }
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(86_400))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::{Layers, Settings};

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
        assert_eq!((archive.to, archive.after), (Place::Folder("/archive".into()), days(30)));
        assert_eq!((have.compact_after, have.retention.days), (Some(days(2)), Some(30)));
    }

    #[test]
    fn settings_that_contradict_each_other_are_faults() {
        for (values, said) in [
            (&[("ARCHIVE_TO", "/data/logs/cold")][..], "ARCHIVE_TO: /data/logs/cold and OUTPUT_DIR"),
            (&[("ARCHIVE_TO", "ftp://host/logs")], "ARCHIVE_TO: ftp://: ftp is not spoken here"),
            (&[("ARCHIVE_AFTER_DAYS", "0")], "ARCHIVE_AFTER_DAYS: \"0\""),
            (&[("COMPACT_AFTER_DAYS", "2"), ("LAYOUT", "flat")], "COMPACT_AFTER_DAYS: it cannot be done"),
        ] {
            let error = keeping(values).unwrap_err();
            assert!(error.contains(said), "{values:?}: {error}");
        }
    }
}
