//! The file that node_exporter's textfile collector reads: what `/metrics` says, for runs that nobody can scrape.
//!
//! Decides what a run carries over from the one before: counters and histograms go on from what the file said when the run
//! began, or `increase()` would see the same numbers after each run of a timer. Replaced by one rename, readable by all.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::names::{Kind, LOGS_SHOWN_MAX, Metric, OF_THE_PROCESS};

/// Mode of the file: node_exporter is another user, and nothing in it is secret.
const MODE: u32 = 0o644;
/// Series of one metric that are carried over although this run has none of them: those of logs that it did not see.
const CARRIED_MAX: usize = 2 * LOGS_SHOWN_MAX;
/// Bytes of a file that is read back; ours stay far below.
const READ_MAX: u64 = 16 << 20;

/// A textfile, and what it said when the run began.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
    before: Series,
}

/// Values by series, by metric.
type Series = BTreeMap<&'static str, BTreeMap<String, f64>>;

impl Textfile {
    /// The file at a path, which need not be there.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let small = fs::metadata(path).is_ok_and(|facts| facts.len() <= READ_MAX);
        let text = if small { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        Self { path: path.to_owned(), before: growing(&text) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by what a reader says now, added to what the file said at the start.
    ///
    /// # Errors
    /// When it cannot be written; the file from before is then still there.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        // Hidden, and without the ending that the collector looks for.
        let staged = self.path.with_file_name(format!(".{name}.{}", std::process::id()));
        let written = write_as(&staged, &continued(text, &self.before));
        let published = written.and_then(|()| fs::rename(&staged, &self.path));
        if published.is_err() {
            drop(fs::remove_file(&staged));
        }
        published
    }
}

fn write_as(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    // Whatever the umask is.
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())
}

/// A line of the text format that names a type, or a value.
enum Line<'a> {
    Type(&'a str),
    Sample(&'a str, f64),
    Other,
}

fn line(text: &str) -> Line<'_> {
    if let Some(rest) = text.strip_prefix("# TYPE ") {
        return Line::Type(rest.split(' ').next().unwrap_or_default());
    }
    let sample = text.rsplit_once(' ').filter(|_| !text.starts_with('#'));
    match sample.and_then(|(series, value)| Some((series, value.parse().ok()?))) {
        Some((series, value)) => Line::Sample(series, value),
        None => Line::Other,
    }
}

/// The metric of a name, if what it counts goes on from run to run: that of a process means nothing in the next one.
fn carried(name: &str) -> Option<Metric> {
    let metric = Metric::ALL.iter().find(|metric| metric.facts().name == name)?;
    let facts = metric.facts();
    (facts.kind.grows() && !facts.name.starts_with(OF_THE_PROCESS)).then_some(*metric)
}

/// What a text says of metrics that grow.
fn growing(text: &str) -> Series {
    let mut series = Series::new();
    let mut metric = None;
    for text in text.lines() {
        match line(text) {
            Line::Type(name) => metric = carried(name),
            Line::Sample(name, value) if value.is_finite() && value >= 0.0 => {
                if let Some(metric) = metric {
                    series.entry(metric.facts().name).or_default().insert(name.to_owned(), value);
                }
            }
            Line::Sample(..) | Line::Other => {}
        }
    }
    series
}

/// A text whose growing series are those of `text` added to those from before, with the series that only were before.
fn continued(text: &str, before: &Series) -> String {
    let mut left = before.clone();
    let mut continued = String::with_capacity(text.len());
    let mut metric = None;
    for text in text.lines() {
        // The family before ends where the next one's help begins.
        if text.starts_with("# HELP ") {
            put_rest(metric.take(), &mut left, &mut continued);
        }
        match line(text) {
            Line::Type(name) => metric = carried(name),
            Line::Sample(name, value) => {
                let family = metric.and_then(|metric: Metric| left.get_mut(metric.facts().name));
                if let Some(old) = family.and_then(|family| family.remove(name)) {
                    continued.push_str(&format!("{name} {}\n", value + old));
                    continue;
                }
            }
            Line::Other => {}
        }
        continued.push_str(text);
        continued.push('\n');
    }
    put_rest(metric, &mut left, &mut continued);
    for metric in Metric::ALL.iter().filter(|metric| !text.contains(&type_line(**metric))) {
        if left.get(metric.facts().name).is_some_and(|series| !series.is_empty()) {
            let facts = metric.facts();
            continued.push_str(&format!("# HELP {} {}\n{}", facts.name, facts.help, type_line(*metric)));
            put_rest(Some(*metric), &mut left, &mut continued);
        }
    }
    continued
}

fn type_line(metric: Metric) -> String {
    format!("# TYPE {} {}\n", metric.facts().name, metric.facts().kind.name())
}

/// Adds the series of a metric that this run has none of. Those of a histogram belong together and are never added.
fn put_rest(metric: Option<Metric>, left: &mut Series, out: &mut String) {
    let Some(facts) = metric.map(Metric::facts).filter(|facts| facts.kind == Kind::Counter) else {
        return;
    };
    for (name, value) in left.remove(facts.name).into_iter().flatten().take(CARRIED_MAX) {
        out.push_str(&format!("{name} {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "# HELP logs_fetched_total Events.\n# TYPE logs_fetched_total counter\nlogs_fetched_total 10\n\
        # HELP log_ingestion_rows_stored_total Rows.\n# TYPE log_ingestion_rows_stored_total counter\n\
        log_ingestion_rows_stored_total{log=\"a b\"} 7\n\
        # HELP log_ingestion_windows_open Open.\n# TYPE log_ingestion_windows_open gauge\n\
        log_ingestion_windows_open{log=\"a b\"} 2\n\
        # HELP process_cpu_seconds_total Time.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 5\n";

    #[test]
    fn counters_go_on_from_the_run_before_and_gauges_do_not() {
        let twice = continued(RUN, &growing(RUN));
        assert!(twice.contains("\nlogs_fetched_total 20\n"), "{twice}");
        assert!(twice.contains("rows_stored_total{log=\"a b\"} 14\n"), "{twice}");
        assert!(twice.contains("windows_open{log=\"a b\"} 2\n"), "{twice}");
        assert!(twice.contains("\nprocess_cpu_seconds_total 5\n"), "{twice}");
        assert_eq!(twice.lines().count(), RUN.lines().count());
    }

    #[test]
    fn series_that_a_run_does_not_have_stay_in_their_family() {
        let other = RUN.replace("a b", "other");
        let both = continued(&other, &growing(RUN));
        let (gone, there) = ("rows_stored_total{log=\"a b\"} 7\n", "rows_stored_total{log=\"other\"} 7\n");
        let at = |part: &str| both.find(part).unwrap_or_else(|| panic!("{part} in {both}"));
        assert!(at(there) < at(gone) && at(gone) < at("# HELP log_ingestion_windows_open"), "{both}");
        let nothing =
            "# HELP logs_fetched_total Events.\n# TYPE logs_fetched_total counter\nlogs_fetched_total 1\n";
        let alone = continued(nothing, &growing(RUN));
        assert!(alone.contains("# TYPE log_ingestion_rows_stored_total counter\nlog_ingestion_rows_stored_total{log=\"a b\"} 7\n"), "{alone}");
    }

    #[test]
    fn what_is_no_metric_of_ours_is_not_carried_over() {
        for text in
            ["", "garbage", "# TYPE foreign_total counter\nforeign_total 3\n", "logs_fetched_total 3\n"]
        {
            assert!(growing(text).is_empty(), "{text}");
        }
        assert!(growing("# TYPE logs_fetched_total counter\nlogs_fetched_total NaN\n").is_empty());
    }

    #[test]
    fn the_file_is_replaced_as_a_whole_and_readable_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log-ingestion.prom");
        Textfile::at(&path).write(RUN).unwrap();
        Textfile::at(&path).write(RUN).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("logs_fetched_total 20\n"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert!(Textfile::at(&folder.path().join("absent/file.prom")).write(RUN).is_err());
    }
}
