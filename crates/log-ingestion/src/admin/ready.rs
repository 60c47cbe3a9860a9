//! Whether the service does its work, and if not, why: the rule of `/readyz`.
//!
//! Decides from how things stand. Lag and open windows are no reasons: they are for alerts, and a new start mends neither.

use indicatif::HumanBytes;
use ingest_core::space::{MinFree, Space, Verdict};
use ingest_core::time::Timestamp;
use ingest_source::ClassSnapshot;

use crate::metrics::{Reader, Standing};

/// What the rule looks at.
#[derive(Debug)]
pub struct Seen {
    /// How things stand.
    pub standing: Standing,
    /// The standing of each class of request.
    pub classes: Vec<ClassSnapshot>,
    /// The space of the disk, where it says.
    pub space: Option<Space>,
    /// What is to stay free of it.
    pub min_free: MinFree,
}

impl Seen {
    /// What a reader sees now.
    #[must_use]
    pub fn by(reader: &Reader) -> Self {
        Self {
            standing: reader.standing(),
            classes: reader.classes(),
            space: reader.space(),
            min_free: reader.min_free_disk(),
        }
    }
}

/// Why the service is not ready; nothing if it is. Each begins with a word for machines.
#[must_use]
pub fn reasons(seen: &Seen) -> Vec<String> {
    let Seen { standing, classes, space, min_free } = seen;
    let mut reasons = Vec::new();
    if let Some(said) = &standing.settings_refused {
        reasons.push(format!("settings: {said} cannot be used"));
    }
    if !standing.folder_held {
        reasons.push("folder: OUTPUT_DIR is not held".to_owned());
    }
    if standing.key_refused {
        reasons.push("key: the API refuses it".to_owned());
    }
    if let Some((class, until)) = longest_open(classes) {
        reasons.push(format!("api: too many {class} requests failed; none is sent before {until}"));
    } else if let Some(said) = standing.pass.failed.as_ref().filter(|_| !standing.key_refused) {
        reasons.push(format!("pass: the last one came to nothing: {said}"));
    }
    if let Some(space) = space
        && min_free.verdict(*space, false) == Verdict::Pause
    {
        let (free, minimum) = (HumanBytes(space.free), HumanBytes(min_free.bytes(space.total)));
        reasons.push(format!("disk: {free} are free, and MIN_FREE_DISK keeps {minimum}"));
    }
    // A first pass over years of logs takes days: it counts as work once it has completed something.
    if standing.pass.ended.is_none() && standing.windows_recorded == 0 {
        reasons.push("starting: nothing was completed yet".to_owned());
    }
    reasons
}

/// The class of request that is left alone for longest.
fn longest_open(classes: &[ClassSnapshot]) -> Option<(&'static str, Timestamp)> {
    let open = classes.iter().filter_map(|class| Some((class.class.name(), class.circuit_open_until?)));
    open.max_by_key(|(_, until)| *until)
}

#[cfg(test)]
mod tests {
    use ingest_core::quota::{BudgetState, Class};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn good() -> Seen {
        let mut standing = Standing { folder_held: true, ..Standing::default() };
        standing.pass.ended = Some(at(1));
        let space = Some(Space { free: 50, total: 100 });
        Seen { standing, classes: Vec::new(), space, min_free: MinFree::Percent(5) }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Seen), want: &[&str]) {
        let mut seen = good();
        change(&mut seen);
        let reasons = reasons(&seen);
        let words: Vec<&str> = reasons.iter().filter_map(|r| r.split(':').next()).collect();
        assert_eq!(words, want, "{reasons:?}");
    }

    #[test]
    fn a_service_that_has_made_a_pass_is_ready() {
        check(|_| {}, &[]);
    }

    #[test]
    fn each_reason_has_its_word() {
        let snapshot = |until| {
            let budget = BudgetState {
                limit: 9,
                remaining: 0,
                resets_at: at(9),
                blocked_until: None,
                paced_per_minute: None,
            };
            ClassSnapshot { class: Class::Query, budget, circuit_open_until: until }
        };
        check(|seen| seen.standing.settings_refused = Some("x".to_owned()), &["settings"]);
        check(|seen| seen.standing.folder_held = false, &["folder"]);
        check(|seen| seen.standing.key_refused = true, &["key"]);
        check(|seen| seen.standing.pass.failed = Some("nobody answers".to_owned()), &["pass"]);
        check(|seen| seen.classes = vec![snapshot(Some(at(30)))], &["api"]);
        check(|seen| seen.classes = vec![snapshot(None)], &[]);
        check(|seen| seen.space = Some(Space { free: 1, total: 100 }), &["disk"]);
        check(|seen| seen.space = None, &[]);
    }

    #[test]
    fn a_first_pass_is_work_once_it_has_completed_something() {
        check(|seen| seen.standing.pass.ended = None, &["starting"]);
        let under_way = |seen: &mut Seen| {
            seen.standing.pass.ended = None;
            seen.standing.windows_recorded = 1;
        };
        check(under_way, &[]);
    }

    #[test]
    fn a_refused_key_is_said_once() {
        let refused = |seen: &mut Seen| {
            seen.standing.key_refused = true;
            seen.standing.pass.failed = Some("the API refused the key".to_owned());
        };
        check(refused, &["key"]);
    }
}
