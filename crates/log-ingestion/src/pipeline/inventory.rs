//! The inventory: what the table holds of a span, window by window, as its files say themselves.
//!
//! The ledger remembers whole hours and days; which window of them a recount concerns, the files tell. Reads footers,
//! or whole files where asked; never changes anything.

use ingest_core::audit::{Part, Run};
use ingest_core::ids::{LogId, Slug};
use ingest_core::ledger::{Digest, LogState, Span, Tally};
use ingest_core::schema::TableSchema;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_store::layout::FileName;
use ingest_store::{DirTable, StoreError, TableFile};
use ingest_tabular::{Chunks, read_back};

use super::chain;
use super::facts::fact;

/// What a committed file is, by its content.
#[derive(Debug)]
pub(crate) struct Content {
    /// The name that the content asks for.
    pub(crate) name: FileName,
    pub(crate) log_id: LogId,
    pub(crate) log_name: String,
    pub(crate) schema: Option<TableSchema>,
    pub(crate) tally: Tally,
    pub(crate) counted_at: Option<Timestamp>,
    pub(crate) tail_since: Option<Timestamp>,
    /// The hash in the name of the file that it was made to replace.
    pub(crate) replaces: Option<String>,
}

impl Content {
    /// Whether it may stand under this name: its own, or for a moment that of the file which it replaces.
    pub(crate) fn belongs_to(&self, name: &FileName) -> bool {
        self.name == *name || self.replaces.as_deref() == Some(name.hash.as_str())
    }
}

/// Reads a file whole, and says what it is.
///
/// # Errors
/// In words, when it cannot be read, or is not what its own footer and its name say.
pub(crate) fn read_content(table: &DirTable, file: &TableFile) -> Result<Content, String> {
    let opened = table.read(file).map_err(|e| chain(&e))?;
    let chunks = Chunks::new(opened).map_err(|e| e.to_string())?;
    let found = read_back(&chunks).map_err(|e| chain(&e))?;
    let text = |key: &str| found.facts.get(key).map(String::as_str);
    let instant = |key: &str| text(key).and_then(|text| Timestamp::parse(text).ok());
    let number = |key: &str| text(key).and_then(|text| text.parse::<u64>().ok());
    let span = instant(fact::SPAN_START).zip(instant(fact::SPAN_END));
    let window = span.and_then(|(start, end)| LogWindow::new(start, end));
    let window = window.ok_or("its footer does not say which span it holds")?;
    if window != file.name.window {
        return Err(format!("its name says {}, its footer {window}", file.name.window));
    }
    let name = FileName::new(&file.name.slug, window, found.rows, &found.file_hash);
    let fetched = number(fact::FETCHED).unwrap_or(found.rows);
    let tally = Tally {
        fetched,
        stored: found.rows,
        quarantined: fetched.saturating_sub(found.rows),
        counted: number(fact::SERVER_COUNT),
        files: 1,
        bytes: file.bytes,
        digest: Digest::of_name(&name.hash).unwrap_or_default(),
    };
    let content = Content {
        log_id: LogId::new(text(fact::LOG_ID).unwrap_or_default()),
        log_name: text(fact::LOG_NAME).unwrap_or_default().to_owned(),
        schema: text(fact::SCHEMA).and_then(|text| serde_json::from_str(text).ok()),
        counted_at: instant(fact::COUNTED_AT),
        tail_since: instant(fact::TAIL_SINCE),
        replaces: text(fact::REPLACES).map(str::to_owned),
        name,
        tally,
    };
    if content.belongs_to(&file.name) {
        return Ok(content);
    }
    Err(format!("its hash is {}, its name says {}", content.name.hash, file.name.hash))
}

/// The windows of a complete span as the table holds them, oldest first and without a gap: those of its files and
/// quarantines, and between them what holds nothing. A file that cannot be read holds nothing either.
///
/// # Errors
/// When the table cannot be listed, or a file of it lies across the span's border.
pub(crate) fn windows(table: &DirTable, log: &Slug, span: &Span) -> Result<Vec<Span>, StoreError> {
    let mut found: Vec<Span> = Vec::new();
    for file in table.files_of(log, span.window)? {
        if !file.name.window.lies_in(span.window) {
            continue;
        }
        let (tally, proved) = match read_content(table, &file) {
            Ok(content) => (content.tally, content.counted_at),
            Err(error) => {
                tracing::error!(event = "error", path = %file.path.display(), error, action = "what it held is counted as missing");
                (Tally::EMPTY, None)
            }
        };
        found.push(Span::new(file.name.window, tally, proved));
    }
    for file in table.quarantine_files_of(log)? {
        let window = file.window;
        if window.lies_in(span.window) && !found.iter().any(|known| known.window.overlaps(window)) {
            let records = table.count_quarantined(&file)?;
            let tally =
                Tally { fetched: records, quarantined: records, counted: Some(records), ..Tally::EMPTY };
            found.push(Span::new(window, tally, None));
        }
    }
    found.sort_by_key(|known| known.window);
    Ok(tiled(span, found))
}

/// A span whose files are not all there, or not what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The span.
    pub window: LogWindow,
    /// Rows that were stored.
    pub stored: u64,
    /// Rows that can be read.
    pub there: u64,
}

/// Compares what the ledger counts in `range` with the files: spans whose files are not all there, and what there is of
/// them, to be counted again.
///
/// # Errors
/// When the table cannot be listed.
pub fn compare(
    table: &DirTable,
    log: &LogState,
    range: LogWindow,
    deep: bool,
) -> Result<(Vec<Missing>, Vec<Run>), StoreError> {
    let (mut missing, mut runs) = (Vec::new(), Vec::new());
    for span in log.ledger.spans().iter().filter(|span| span.window.overlaps(range)) {
        if agrees(table, log, span, deep)? {
            continue;
        }
        let windows = windows(table, &log.slug, span)?;
        let there = windows.iter().map(|window| window.tally.stored).sum();
        missing.push(Missing { window: span.window, stored: span.tally.stored, there });
        // Each by itself: what one lacks and another has too many of would be even in a sum.
        runs.extend(windows.iter().map(|window| Run { parts: vec![Part::from(window)] }));
    }
    Ok((missing, runs))
}

/// Whether the table holds exactly the files that the ledger counts in a span, by their names; where `deep`, by what
/// they hold as well.
///
/// # Errors
/// When the table cannot be listed.
fn agrees(table: &DirTable, log: &LogState, span: &Span, deep: bool) -> Result<bool, StoreError> {
    let files = table.files_of(&log.slug, span.window)?;
    let inside = files.iter().filter(|file| file.name.window.lies_in(span.window));
    let mut have = Tally::EMPTY;
    for file in inside {
        if deep && read_content(table, file).is_err() {
            return Ok(false);
        }
        let digest = Digest::of_name(&file.name.hash).unwrap_or_default();
        have = have.plus(Tally { stored: file.name.rows, files: 1, digest, ..Tally::EMPTY });
    }
    let same = |said: Tally| {
        // A ledger of an earlier version has no digests.
        let digests = said.digest == have.digest || said.digest == Digest::default();
        have.stored == said.stored && have.files == said.files && digests
    };
    // Files may have been exchanged for others with the same rows, and a kill come before the note of it.
    Ok(same(span.tally) || log.ledger.exchanged(span).is_some_and(same))
}

/// The known windows, with what lies between them as windows without events.
fn tiled(span: &Span, known: Vec<Span>) -> Vec<Span> {
    let mut all = Vec::with_capacity(known.len() * 2 + 1);
    let mut at = span.window.start();
    let empty = |start, end| LogWindow::new(start, end).map(|w| Span::new(w, Tally::EMPTY, span.proved));
    for window in known {
        all.extend(empty(at, window.window.start()));
        at = window.window.end();
        all.push(window);
    }
    all.extend(empty(at, span.window.end()));
    all
}
