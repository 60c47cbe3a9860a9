//! What a person at a terminal sees while windows are worked on: a bar for each log.
//!
//! Shows figures that it is given; without a terminal it shows nothing.

use std::fmt;
use std::io::Write as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Redraws a second.
const REDRAWS: u8 = 8;

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
        let template = "{prefix:24!} {bar:28} {human_pos:>11}/{human_len} rows {rate:>12} eta {eta} {msg}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_never| ProgressStyle::default_bar());
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A bar without its rate is still a bar.
            write!(out, "{:.0}/s", state.per_sec()).unwrap_or_default();
        });
        let bar = self.bars.add(ProgressBar::new(rows).with_style(style).with_prefix(name.to_owned()));
        LogBar { bar }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        drop(self.bars.clear());
    }
}

/// The bar of one log.
#[derive(Debug, Clone)]
pub struct LogBar {
    bar: ProgressBar,
}

impl LogBar {
    /// More rows are expected.
    pub fn expect(&self, rows: u64) {
        self.bar.inc_length(rows);
    }

    /// Rows were stored.
    pub fn stored(&self, rows: u64) {
        self.bar.inc(rows);
    }

    /// The log is through.
    pub fn finish(&self, message: &str) {
        self.bar.finish_with_message(message.to_owned());
    }
}
