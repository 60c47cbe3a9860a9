//! The calendar of a log: day by day, what is complete and what is not.
//!
//! Lays out what a ledger says and what a comparison with files and server found. Decides which state a day has: that of
//! its worst part. Finds nothing out by itself.

use serde::Serialize;

use super::Differs;
use crate::ledger::{LogLedger, Tally};
use crate::time::{LogWindow, Timestamp};

/// What can be said of a span, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Stored or quarantined, as many as the server counts.
    Complete,
    /// Complete once, and its files were removed or archived on purpose since.
    Removed,
    /// Complete by the ledger, but the server could not be asked now.
    NotCompared,
    /// Never fetched, and the source no longer has it.
    BeyondRetention,
    /// Not fetched yet, or to be fetched again.
    Open,
    /// The server counts another number than is stored.
    Short,
    /// Files that the ledger counts are not in the table, or cannot be read.
    Missing,
}

impl State {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Removed => "removed",
            Self::NotCompared => "not compared",
            Self::BeyondRetention => "beyond retention",
            Self::Open => "open",
            Self::Short => "short",
            Self::Missing => "missing",
        }
    }
}

/// What a comparison found that is not as the ledger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Windows that the server counts otherwise.
    pub differing: Vec<Differs>,
    /// Spans whose files are not all there, and in words what is wrong.
    pub missing: Vec<(LogWindow, String)>,
    /// Spans that could not be compared, and why.
    pub uncounted: Vec<(LogWindow, String)>,
}

/// A window that is not complete, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its first instant.
    pub from: String,
    /// The first instant after it.
    pub to: String,
    /// What it is.
    pub state: State,
    /// Why, in words.
    pub reason: String,
}

/// A day of a log, or several old ones that the ledger remembers as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day, or `FIRST/LAST`.
    pub day: String,
    /// Its worst part's state.
    pub state: State,
    /// What is complete of it.
    pub complete: Tally,
    /// When its figures were last compared with the server's, of several windows the longest ago.
    pub proved: Option<String>,
    /// What is not complete.
    pub gaps: Vec<Gap>,
}

/// The days of `range`.
#[must_use]
pub fn calendar(ledger: &LogLedger, range: LogWindow, findings: &Findings) -> Vec<Day> {
    let mut gaps = gaps(ledger, range, findings);
    gaps.sort_by_key(|(window, gap)| (*window, gap.state));
    units(ledger, range)
        .into_iter()
        .map(|unit| {
            let spans = ledger.spans().iter().filter(|span| span.window.overlaps(unit));
            let mut complete = Tally::EMPTY;
            let mut proved: Option<Option<Timestamp>> = None;
            for span in spans {
                complete = complete.plus(span.tally);
                proved = Some(proved.map_or(span.proved, |all| all.zip(span.proved).map(|(a, b)| a.min(b))));
            }
            let gaps: Vec<Gap> =
                gaps.iter().filter(|(window, _)| window.overlaps(unit)).map(|(_, gap)| gap.clone()).collect();
            let state = gaps.iter().map(|gap| gap.state).max().unwrap_or(State::Complete);
            let proved = proved.flatten().map(|at| at.to_string());
            Day { day: name(unit), state, complete, proved, gaps }
        })
        .collect()
}

/// Days, but where the ledger remembers several as one span, these together.
fn units(ledger: &LogLedger, range: LogWindow) -> Vec<LogWindow> {
    let mut units: Vec<LogWindow> = Vec::new();
    for day in range.by_day() {
        let joined = units.last().copied().filter(|last| {
            let across = |window: LogWindow| window.start() < last.end() && last.end() < window.end();
            let removed = ledger.removed().iter().map(|removed| removed.window);
            ledger.spans().iter().map(|span| span.window).chain(removed).any(across)
        });
        match (joined.and_then(|last| LogWindow::new(last.start(), day.end())), units.last_mut()) {
            (Some(both), Some(last)) => *last = both,
            (None, _) | (Some(_), None) => units.push(day),
        }
    }
    units
}

fn name(unit: LogWindow) -> String {
    let (first, last) = (unit.start().day(), unit.end().plus_millis(-1).day());
    if first == last { first.to_string() } else { format!("{first}/{last}") }
}

fn gaps(ledger: &LogLedger, range: LogWindow, findings: &Findings) -> Vec<(LogWindow, Gap)> {
    let gap = |window: LogWindow, state, reason: &str| {
        let (from, to) = (window.start().to_string(), window.end().to_string());
        (window, Gap { from, to, state, reason: reason.to_owned() })
    };
    let mut all = Vec::new();
    let mut unknown = ledger.gaps(range);
    for open in ledger.open().iter().filter(|open| open.window.overlaps(range)) {
        let reason = format!("{} (tried {} times, last {})", open.reason, open.tries, open.at);
        all.push(gap(open.window, State::Open, &reason));
        unknown = unknown.into_iter().flat_map(|left| left.without(open.window)).collect();
    }
    for removed in ledger.removed().iter().filter(|removed| removed.window.overlaps(range)) {
        all.push(gap(removed.window, State::Removed, &removed.words()));
    }
    for lost in ledger.beyond().iter().filter(|lost| lost.overlaps(range)) {
        all.push(gap(*lost, State::BeyondRetention, "the source no longer had it when it was asked"));
        unknown = unknown.into_iter().flat_map(|left| left.without(*lost)).collect();
    }
    all.extend(unknown.into_iter().map(|window| gap(window, State::Open, "not fetched yet")));
    for differs in &findings.differing {
        let reason = format!("{} events stored, the server counts {}", differs.recorded, differs.counted);
        all.push(gap(differs.window, State::Short, &reason));
    }
    for (window, reason) in &findings.missing {
        all.push(gap(*window, State::Missing, reason));
    }
    for (window, reason) in &findings.uncounted {
        all.push(gap(*window, State::NotCompared, reason));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::Recorded;
    use crate::time::MS_PER_DAY;

    fn hours(from: i64, to: i64) -> LogWindow {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        LogWindow::new(at(from), at(to)).unwrap()
    }

    fn ledger(windows: &[LogWindow]) -> LogLedger {
        let mut ledger = LogLedger::default();
        for window in windows {
            let tally = Tally { fetched: 5, stored: 5, counted: Some(5), ..Tally::EMPTY };
            let proved = window.end().plus_millis(2 * MS_PER_DAY);
            assert_eq!(ledger.record(*window, tally, Some(proved)), Ok(Recorded::Added));
        }
        ledger
    }

    fn lines(days: &[Day]) -> Vec<String> {
        let line = |day: &Day| {
            let gaps: Vec<String> = day.gaps.iter().map(|gap| gap.state.name().to_owned()).collect();
            format!("{} {} {} [{}]", day.day, day.state.name(), day.complete.fetched, gaps.join(", "))
        };
        days.iter().map(line).collect()
    }

    #[test]
    fn each_day_has_the_state_of_its_worst_part() {
        let mut ledger = ledger(&[hours(0, 12), hours(12, 24), hours(24, 30), hours(48, 72), hours(72, 96)]);
        ledger.leave_open(hours(30, 36), "away", Timestamp::from_millis(0));
        ledger.lose(hours(40, 48));
        let findings = Findings {
            differing: vec![Differs { window: hours(48, 72), recorded: 5, counted: 6 }],
            missing: vec![(hours(72, 96), "gone".to_owned())],
            uncounted: vec![(hours(0, 24), "the API is away".to_owned())],
        };
        let days = calendar(&ledger, hours(0, 97), &findings);
        let want = [
            "1970-01-01 not compared 10 [not compared]",
            "1970-01-02 open 5 [open, open, beyond retention]",
            "1970-01-03 short 5 [short]",
            "1970-01-04 missing 5 [missing]",
            "1970-01-05 open 0 [open]",
        ];
        assert_eq!(lines(&days), want);
    }

    #[test]
    fn old_days_that_are_remembered_as_one_are_shown_as_one() {
        let days: Vec<LogWindow> = (0..5).map(|day| hours(day * 24, day * 24 + 24)).collect();
        let mut ledger = ledger(&days);
        ledger.merge(Duration::from_secs(86_400), Timestamp::from_millis(400 * MS_PER_DAY));
        assert_eq!(ledger.spans().len(), 1);
        let shown = calendar(&ledger, hours(0, 120), &Findings::default());
        assert_eq!(lines(&shown), ["1970-01-01/1970-01-05 complete 25 []"]);
        assert_eq!(shown[0].proved.as_deref(), Some("1970-01-04T00:00:00.000Z"));
    }
}
