//! What a person at a terminal sees while windows are worked on: a bar for each log.
//!
//! Shows figures that it is given; without a terminal it shows nothing.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use crate::table_text::plain;

/// Redraws a second.
const REDRAWS: u8 = 8;
/// Time between two redraws of a bar that stands still: what is left of a wait goes down.
const TICK: Duration = Duration::from_millis(500);

/// All bars.
#[derive(Clone)]
pub struct Progress {
    bars: MultiProgress,
    shown: bool,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl Progress {
    /// Bars on standard error if `shown`, else none.
    #[must_use]
    pub fn new(shown: bool) -> Self {
        let target =
            if shown { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), shown }
    }

    /// Writes a line above the bars.
    pub fn say(&self, line: &str) {
        // Nobody may be there to read it; the work goes on.
        if self.shown {
            drop(self.bars.println(line));
        } else {
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        }
    }

    /// A bar for a log of about `rows` rows.
    #[must_use]
    pub fn log(&self, name: &str, rows: u64) -> LogBar {
        let template =
            "{prefix:24!} {bar:20} {human_pos:>11}/{human_len} rows {text:>11} {rate:>10} eta {rest} {msg}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_never| ProgressStyle::default_bar());
        let figures = Arc::new(Figures::default());
        let (text, rest) = (Arc::clone(&figures), Arc::clone(&figures));
        // A bar without one of its figures is still a bar.
        let style = style
            .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                write!(out, "{:.0}/s", state.per_sec()).unwrap_or_default();
            })
            .with_key("text", move |_: &ProgressState, out: &mut dyn fmt::Write| {
                let bytes = HumanBytes(text.text_bytes.load(Ordering::Relaxed));
                write!(out, "{bytes}").unwrap_or_default();
            })
            .with_key("rest", move |state: &ProgressState, out: &mut dyn fmt::Write| {
                let not_before = Duration::from_millis(rest.not_before_ms.load(Ordering::Relaxed));
                let left = eta(state.eta(), not_before, state.elapsed());
                write!(out, "{:#}", HumanDuration(left)).unwrap_or_default();
            });
        let bar = self.bars.add(ProgressBar::new(rows).with_style(style).with_prefix(plain(name)));
        if self.shown {
            bar.enable_steady_tick(TICK);
        }
        LogBar { bar, figures }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        drop(self.bars.clear());
    }
}

/// How long the rest takes: as long as the pace so far says, and not less than the quotas allow. Both times since the bar
/// began.
fn eta(by_pace: Duration, not_before: Duration, elapsed: Duration) -> Duration {
    by_pace.max(not_before.saturating_sub(elapsed))
}

/// What a bar shows beside its rows.
#[derive(Debug, Default)]
struct Figures {
    text_bytes: AtomicU64,
    /// Since the bar began, when the quotas let the last row come at the earliest.
    not_before_ms: AtomicU64,
}

/// The bar of one log.
#[derive(Debug, Clone)]
pub struct LogBar {
    bar: ProgressBar,
    figures: Arc<Figures>,
}

impl LogBar {
    /// So many rows are still expected, which take this long at least.
    pub fn expect(&self, rows_left: u64, at_least: Duration) {
        self.bar.set_length(self.bar.position().saturating_add(rows_left));
        let not_before = self.bar.elapsed().saturating_add(at_least);
        let ms = u64::try_from(not_before.as_millis()).unwrap_or(u64::MAX);
        self.figures.not_before_ms.store(ms, Ordering::Relaxed);
    }

    /// Rows of so many bytes of text were stored.
    pub fn stored(&self, rows: u64, text_bytes: u64) {
        self.bar.inc(rows);
        self.figures.text_bytes.fetch_add(text_bytes, Ordering::Relaxed);
    }

    /// The log is through.
    pub fn finish(&self, message: &str) {
        self.bar.finish_with_message(plain(message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_pace_and_quota_decides() {
        let seconds = Duration::from_secs;
        for (by_pace, not_before, elapsed, want) in [(10, 0, 0, 10), (10, 300, 100, 200), (10, 300, 299, 10)]
        {
            let left = eta(seconds(by_pace), seconds(not_before), seconds(elapsed));
            assert_eq!(left, seconds(want), "{by_pace} {not_before} {elapsed}");
        }
    }
}
