//! One pass over one log: its missing spans become windows, fetched some at a time, committed in order.
//!
//! Windows of a log are fetched side by side but settled one after the other, since each may add to the one schema.
//! A window that fails is noted and does not hold up those behind it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use ingest_core::ledger::{LogState, Tally};
use ingest_core::plan::{self, Piece, Work};
use ingest_core::time::LogWindow;
use tracing::Instrument as _;

use super::fetch::{FetchOrder, fetch};
use super::{CommittedWindow, Context, LogWork, NONE, WindowError, record, window, window_span};
use crate::progress::LogBar;

/// Windows of one log that are fetched ahead of the one being encoded.
const FETCH_AHEAD: usize = 2;

/// What came of a pass over a log.
#[derive(Debug)]
pub struct LogReport {
    /// The log's name.
    pub name: String,
    /// Windows completed.
    pub windows: u64,
    /// Windows that stay open.
    pub open: u64,
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

/// Works through the spans of a log that are missing in `range`.
pub async fn pass(context: Arc<Context>, state: LogState, range: LogWindow, tail: bool) -> LogReport {
    if let (Some(schema), Some(pin)) = (&state.schema, context.options.pins.of(&state))
        && pin.contradicts(schema)
    {
        tracing::warn!(
            event = "pin_ignored",
            reason = "files with another schema are committed, and a schema never changes"
        );
    }
    let mut run = LogRun::new(&context, LogWork { state, tail });
    if tail {
        run.log.state.ledger.start_tail(range.start());
    }
    for span in plan::missing(&run.log.state.ledger, range) {
        run.report.cut_short |= context.stop.is_cancelled();
        if run.report.cut_short || run.halted {
            break;
        }
        match super::plan::plan(&context, run.log.id(), span).await {
            Ok(pieces) => run.work_through(pieces).await,
            Err(error) => run.failed(span, &error),
        }
    }
    run.bar.finish(if run.report.open > 0 { "incomplete" } else { "complete" });
    run.report
}

struct LogRun<'a> {
    context: &'a Arc<Context>,
    log: LogWork,
    report: LogReport,
    bar: LogBar,
    requests_left: u64,
    halted: bool,
}

impl<'a> LogRun<'a> {
    fn new(context: &'a Arc<Context>, log: LogWork) -> Self {
        let name = log.state.name.clone();
        let bar = context.progress.log(&name, 0);
        let tally = Tally { counted: Some(0), ..Tally::default() };
        let report = LogReport {
            name,
            windows: 0,
            open: 0,
            tally,
            text_bytes: 0,
            last_error: None,
            refused: false,
            cut_short: false,
        };
        Self { context, log, report, bar, requests_left: context.options.query_requests, halted: false }
    }

    async fn work_through(&mut self, pieces: Vec<Piece>) {
        self.bar.expect(pieces.iter().map(|piece| piece.estimate).sum());
        let orders: Vec<(LogWindow, Option<FetchOrder>)> =
            pieces.into_iter().map(|piece| self.order(piece)).collect();
        let context = self.context;
        let mut fetched = futures_util::stream::iter(orders)
            .map(|(window, order)| async move {
                if context.stop.is_cancelled() {
                    return (window, None);
                }
                match order {
                    None => (window, Some(Ok(None))),
                    Some(order) => {
                        let fetched = fetch(context, order).instrument(window_span(window)).await;
                        (window, Some(fetched.map(Some)))
                    }
                }
            })
            .buffered(FETCH_AHEAD);
        while let Some((window, outcome)) = fetched.next().await {
            let outcome = match outcome {
                None => {
                    self.report.cut_short = true;
                    break;
                }
                Some(Ok(None)) => {
                    let tally = Tally { counted: Some(0), ..Tally::default() };
                    self.record(&CommittedWindow { window, tally, quarantined_by: NONE.to_owned() })
                }
                Some(Ok(Some(fetched))) => self.make(fetched).instrument(window_span(window)).await,
                Some(Err(error)) => Err(error),
            };
            if let Err(error) = outcome {
                self.failed(window, &error);
            }
            if self.halted {
                break;
            }
        }
    }

    /// What is to be fetched for a piece: nothing, if the server counts nothing in it.
    fn order(&mut self, piece: Piece) -> (LogWindow, Option<FetchOrder>) {
        let window = piece.window;
        if piece.work == Work::Empty {
            return (window, None);
        }
        let options = &self.context.options;
        let rows_per_page = u64::from(options.batch_size.min(ingest_core::events::ROWS_PER_PAGE_MAX));
        let way = plan::way(options.fetch_mode, piece.estimate, rows_per_page, self.requests_left);
        if way == plan::Way::Query {
            let pages = piece.estimate.div_ceil(rows_per_page.max(1)).saturating_mul(2);
            self.requests_left = self.requests_left.saturating_sub(pages);
        }
        let state = &self.log.state;
        let shape = match &state.schema {
            Some(schema) => Some(schema.shape.clone()),
            None => options.pins.of(state).and_then(|pin| pin.shape.clone()),
        };
        (window, Some(FetchOrder { log: self.log.id().clone(), piece, way, shape }))
    }

    async fn make(&mut self, fetched: super::fetch::FetchedWindow) -> Result<(), WindowError> {
        let text_bytes = fetched.spool.text_bytes();
        let (done, schema) = window::make(self.context, &self.log, fetched).await?;
        if schema.is_some() {
            self.log.state.schema = schema;
        }
        self.record(&done)?;
        self.report.text_bytes = self.report.text_bytes.saturating_add(text_bytes);
        self.bar.stored(done.tally.fetched);
        Ok(())
    }

    fn record(&mut self, done: &CommittedWindow) -> Result<(), WindowError> {
        record::record(self.context, &mut self.log, done)?;
        self.report.windows = self.report.windows.saturating_add(1);
        self.report.tally = self.report.tally.plus(done.tally);
        Ok(())
    }

    fn failed(&mut self, window: LogWindow, error: &WindowError) {
        window_span(window).in_scope(|| record::leave_open(self.context, &mut self.log, window, error));
        self.report.open = self.report.open.saturating_add(1);
        self.report.last_error = Some(super::chain(error));
        self.report.refused |= error.is_refusal();
        self.halted = error.stops_the_log();
        if error.is_refusal() {
            // No other log's window can succeed with this key either.
            self.context.stop.cancel();
        }
    }
}
