//! One pass over one log: its missing spans become windows, fetched some at a time, committed in order.
//!
//! Windows of a log are fetched side by side but settled one after the other, since each may add to the one schema.
//! A window that fails is noted and does not hold up those behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use ingest_core::ledger::{LogState, Tally, Uncounted};
use ingest_core::outlook::Outlook;
use ingest_core::plan::{self, Due, Piece, Way, Work};
use ingest_core::quota::Class;
use ingest_core::schema::TableSchema;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::Protocol;
use tracing::Instrument as _;

use super::fetch::{FetchOrder, FetchedWindow, fetch};
use super::{CommittedWindow, Context, LogWork, WindowError, commit, recheck, record, window, window_span};
use crate::progress::LogBar;

/// What a pass does with one log.
#[derive(Debug)]
pub struct Assignment {
    /// What is remembered of it.
    pub state: LogState,
    /// How long the source keeps its events, where it says so.
    pub retention: Option<Duration>,
    /// What is counted again before anything is fetched.
    pub recheck: Recheck,
    /// What is fetched where it is missing, in this order.
    pub stretches: Vec<Stretch>,
}

/// What is counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// What is due by its age.
    Due,
    /// Everything in this span; where `deep`, each file is read as well.
    All {
        /// The span.
        range: LogWindow,
        /// Whether files are read and not only their names.
        deep: bool,
    },
}

/// A span of log time that is wanted whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The span.
    pub range: LogWindow,
    /// Whether it is the live tail: then its start is the log's, and open windows elsewhere are fetched with it.
    pub tail: bool,
    /// When nothing more of it is begun, so that other work gets its turn.
    pub until: Option<Timestamp>,
}

/// What came of a pass over a log.
#[derive(Debug)]
pub struct LogReport {
    /// The log's name.
    pub name: String,
    /// Windows completed.
    pub windows: u64,
    /// Windows that stay open, those included that the source turned out to have lost.
    pub open: u64,
    /// Complete windows that were opened again, since the server counted them otherwise.
    pub reopened: u64,
    /// What the completed windows amount to.
    pub tally: Tally,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Why the last window that stays open does.
    pub last_error: Option<String>,
    /// Whether the key was refused.
    pub refused: bool,
    /// Whether a stop left something undone.
    pub cut_short: bool,
}

/// Works through what is assigned of a log, of which the table also holds what is `uncounted`.
pub async fn pass(context: Arc<Context>, assignment: Assignment, uncounted: Uncounted) -> LogReport {
    let Assignment { state, retention, recheck, stretches } = assignment;
    if let (Some(schema), Some(pin)) = (&state.schema, context.options.pins.of(&state))
        && pin.contradicts(schema)
    {
        tracing::warn!(
            event = "pin_ignored",
            reason = "files with another schema are committed, and a schema never changes"
        );
    }
    let mut run = LogRun::new(&context, LogWork { state, tail: false, retention, uncounted });
    run.recheck(recheck).await;
    for stretch in stretches {
        run.stretch(stretch).await;
    }
    run.bar.finish(if run.report.open > 0 { "incomplete" } else { "complete" });
    run.report
}

struct LogRun<'a> {
    context: &'a Arc<Context>,
    log: LogWork,
    report: LogReport,
    bar: LogBar,
    outlook: Outlook,
    pace: Pace,
    requests_left: u64,
    halted: bool,
}

/// How rows come: by which class of request, and how many with each.
#[derive(Debug, Clone, Copy)]
struct Pace {
    class: Class,
    rows_per_request: u64,
}

/// What is to be done with a window.
#[derive(Debug)]
enum Step {
    /// Nothing: the server counts no event in it.
    Empty,
    /// Nothing can be done: the server no longer has it.
    Lost,
    /// Fetch it.
    Fetch(FetchOrder),
}

/// What came of a step.
enum Stepped {
    Empty,
    Lost,
    Fetched(Box<FetchedWindow>),
}

impl<'a> LogRun<'a> {
    fn new(context: &'a Arc<Context>, log: LogWork) -> Self {
        let name = log.state.name.clone();
        let bar = context.progress.log(&name, 0);
        let report = LogReport {
            name,
            windows: 0,
            open: 0,
            reopened: 0,
            tally: Tally::EMPTY,
            text_bytes: 0,
            last_error: None,
            refused: false,
            cut_short: false,
        };
        let requests_left = context.options.query_requests;
        let pace = Pace { class: Class::Query, rows_per_request: 1 };
        let outlook = Outlook::default();
        Self { context, log, report, bar, outlook, pace, requests_left, halted: false }
    }

    async fn recheck(&mut self, recheck: Recheck) {
        let outcome = match recheck {
            Recheck::Due => recheck::recheck_due(self.context, &mut self.log).await,
            Recheck::All { range, deep } => {
                recheck::recheck_all(self.context, &mut self.log, range, deep).await
            }
        };
        match outcome {
            Ok(outcome) => {
                self.report.reopened = outcome.differing.len() as u64;
                // Who asks for a repair must not be told that all is well where nothing could be compared.
                if let (Recheck::All { .. }, Some((window, reason))) = (recheck, outcome.uncounted.last()) {
                    self.report.open = self.report.open.saturating_add(outcome.uncounted.len() as u64);
                    self.report.last_error = Some(format!("{window} could not be counted again: {reason}"));
                }
            }
            Err(error) if error.is_stop() => self.report.cut_short = true,
            Err(error) => {
                let error = error.named();
                tracing::error!(event = "error", error = %super::chain(&error), action = "what is stored is counted again next time");
                self.note(&error);
            }
        }
    }

    async fn stretch(&mut self, stretch: Stretch) {
        self.log.tail = stretch.tail;
        if stretch.tail {
            self.log.state.ledger.start_tail(stretch.range.start());
        }
        let missing = plan::missing(&self.log.state.ledger, stretch.range, stretch.tail);
        missing.iter().for_each(|due| self.outlook.want(due.window.len_ms().unsigned_abs()));
        for due in missing {
            let over = stretch.until.is_some_and(|until| self.context.clock.now() >= until);
            self.report.cut_short |= self.context.stop.is_cancelled();
            if self.report.cut_short || self.halted || over {
                break;
            }
            match super::plan::plan(&self.context.for_window(), self.log.id(), due).await {
                Ok(pieces) => self.work_through(pieces, due).await,
                Err(error) if error.is_stop() => self.report.cut_short = true,
                Err(error) => self.failed(due.window, &error),
            }
        }
    }

    async fn work_through(&mut self, pieces: Vec<Piece>, due: Due) {
        let schema = self.log.state.schema.clone().map(Arc::new);
        let steps: Vec<(LogWindow, Step)> =
            pieces.into_iter().map(|piece| self.step(piece, &schema)).collect();
        self.announce(due.window, &steps);
        let context = self.context;
        let mut stepped = futures_util::stream::iter(steps)
            .map(|(window, step)| async move {
                if context.stop.is_cancelled() {
                    return (window, None);
                }
                let stepped = match step {
                    Step::Empty => Ok(Some(Stepped::Empty)),
                    Step::Lost => Ok(Some(Stepped::Lost)),
                    Step::Fetch(order) => {
                        let fetched = fetch(context, order).instrument(window_span(window)).await;
                        fetched.map(|fetched| fetched.map(|it| Stepped::Fetched(Box::new(it))))
                    }
                };
                (window, stepped.transpose())
            })
            .buffered(context.options.parallel_windows);
        while let Some((window, outcome)) = stepped.next().await {
            let outcome = match outcome {
                None => {
                    self.report.cut_short = true;
                    break;
                }
                Some(Ok(Stepped::Empty)) => self.empty(window),
                Some(Ok(Stepped::Lost)) => {
                    self.lost(window);
                    Ok(())
                }
                Some(Ok(Stepped::Fetched(fetched))) => {
                    self.make(*fetched).instrument(window_span(window)).await
                }
                Some(Err(error)) if error.is_stop() => {
                    // Others may be nearly there.
                    self.report.cut_short = true;
                    continue;
                }
                Some(Err(error)) => Err(error),
            };
            if let Err(error) = outcome {
                self.failed(window, &error.named());
            }
            if self.halted {
                break;
            }
        }
        context.metrics.board().planned(self.log.id(), 0);
    }

    /// Says what was planned of a span, and how long the rest of the log takes at least. What is left is taken to come
    /// the way that the newest of these windows does.
    fn announce(&mut self, span: LogWindow, steps: &[(LogWindow, Step)]) {
        let orders: Vec<&FetchOrder> = steps
            .iter()
            .filter_map(|(_, step)| match step {
                Step::Fetch(order) => Some(order),
                Step::Empty | Step::Lost => None,
            })
            .collect();
        let rows: u64 = orders.iter().map(|order| order.piece.estimate).sum();
        self.outlook.plan(span.len_ms().unsigned_abs(), rows);
        let Some(newest) = orders.last() else { return };
        let windows = orders.len() as u64;
        self.context.metrics.board().planned(self.log.id(), windows);
        self.pace = match (self.context.client.protocol(), newest.way) {
            (Protocol::CsvPages, _) => {
                Pace { class: Class::Pages, rows_per_request: u64::from(self.context.options.batch_size) }
            }
            (Protocol::LogSearch, Way::Query) => {
                Pace { class: Class::Query, rows_per_request: self.rows_per_page() }
            }
            (Protocol::LogSearch, Way::Download) => {
                Pace { class: Class::Download, rows_per_request: rows / windows }
            }
        };
        let (rows_left, eta) = self.rest();
        tracing::info!(
            event = "windows_planned",
            span = %span,
            rows,
            windows,
            way = self.pace.class.name(),
            rows_left,
            // Where nothing can be counted, nothing can be said.
            eta_seconds = (rows_left > 0).then_some(eta.as_secs()),
        );
    }

    /// Rows of the log that are still to come, and how long they take at least. Shows both.
    fn rest(&self) -> (u64, Duration) {
        let rows_left = self.outlook.rows_left();
        let Pace { class, rows_per_request } = self.pace;
        let requests = rows_left.div_ceil(rows_per_request.max(1));
        let all = self.context.queue.left(self.log.id(), class, requests);
        let eta = self.context.client.eta(class, all.saturating_mul(rows_per_request), rows_per_request);
        self.bar.expect(rows_left, eta);
        (rows_left, eta)
    }

    /// What is to be done with a piece: nothing, if the server counts nothing in it.
    fn step(&mut self, piece: Piece, schema: &Option<Arc<TableSchema>>) -> (LogWindow, Step) {
        let window = piece.window;
        match piece.work {
            Work::Empty => return (window, Step::Empty),
            Work::Beyond => return (window, Step::Lost),
            Work::Fetch { .. } | Work::Recount => {}
        }
        let options = &self.context.options;
        let rows_per_page = self.rows_per_page();
        let way = plan::way(options.fetch_mode, piece.estimate, rows_per_page, self.requests_left);
        if way == Way::Query {
            let pages = piece.estimate.div_ceil(rows_per_page.max(1)).saturating_mul(2);
            self.requests_left = self.requests_left.saturating_sub(pages);
        }
        let pin = options.pins.of(&self.log.state).filter(|_| schema.is_none());
        let shape = match schema {
            Some(schema) => Some(schema.shape.clone()),
            None => pin.and_then(|pin| pin.shape.clone()),
        };
        let (log, schema, is_pinned) = (self.log.id().clone(), schema.clone(), pin.is_some());
        (window, Step::Fetch(FetchOrder { log, piece, way, shape, schema, is_pinned }))
    }

    fn rows_per_page(&self) -> u64 {
        u64::from(self.context.client.rows_per_page(self.context.options.batch_size))
    }

    async fn make(&mut self, fetched: FetchedWindow) -> Result<(), WindowError> {
        let text_bytes = fetched.spool.text_bytes();
        let (done, schema) = window::make(self.context, &self.log, fetched).await?;
        if schema.is_some() {
            self.log.state.schema = schema;
        }
        self.record(&done, text_bytes)?;
        self.report.text_bytes = self.report.text_bytes.saturating_add(text_bytes);
        self.bar.stored(done.tally.fetched, text_bytes);
        self.outlook.fetched(done.tally.fetched);
        self.rest();
        Ok(())
    }

    fn empty(&mut self, window: LogWindow) -> Result<(), WindowError> {
        if self.log.may_hold(window) {
            commit::clear(self.context, &self.log.state, window)?;
        }
        let done = CommittedWindow {
            window,
            tally: Tally::EMPTY,
            counted_at: self.context.clock.now(),
            quarantined_by: BTreeMap::new(),
        };
        self.record(&done, 0)
    }

    fn record(&mut self, done: &CommittedWindow, text_bytes: u64) -> Result<(), WindowError> {
        record::record(self.context, &mut self.log, done)?;
        self.context.metrics.completed(&self.log.state, done, text_bytes, self.context.clock.now());
        self.report.windows = self.report.windows.saturating_add(1);
        self.report.tally = self.report.tally.plus(done.tally);
        Ok(())
    }

    fn lost(&mut self, window: LogWindow) {
        window_span(window).in_scope(|| record::lose(self.context, &mut self.log, window));
        self.report.open = self.report.open.saturating_add(1);
        self.report.last_error = Some(format!("{window} is beyond the source's retention"));
    }

    fn failed(&mut self, window: LogWindow, error: &WindowError) {
        self.log.uncounted.doubt();
        window_span(window).in_scope(|| record::leave_open(self.context, &mut self.log, window, error));
        self.note(error);
    }

    /// Takes a failure into the report, and stops what cannot succeed after it.
    fn note(&mut self, error: &WindowError) {
        self.report.open = self.report.open.saturating_add(1);
        self.report.last_error = Some(super::chain(error));
        self.report.refused |= error.is_refusal();
        self.halted |= error.stops_the_log();
        if error.stops_the_pass() {
            // No other log's window can succeed either.
            self.context.stop.cancel();
        }
    }
}
