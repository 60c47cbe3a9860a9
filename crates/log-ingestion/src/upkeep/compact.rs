//! Compaction: the small files of a past day of a log become few large ones, with exactly the same rows.
//!
//! Pages are copied, not encoded anew. The new files are synced, read back and decoded by a second reader before the
//! day's folder is exchanged for one that has them; the ledger knows both sets of figures meanwhile. Files with other
//! columns than their neighbours stay apart.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingest_core::ledger::{Digest, Exchange, LedgerError, LogState, Tally};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, Candidate, Fullness, HeldDay};
use ingest_store::layout::FileName;
use ingest_store::{Staged, StoreError, TableFile};
use ingest_tabular::{
    Chunks, Encoded, ReadBackError, SpliceError, check, decode, inspect, read_back, splice,
};

use super::{LogHeld, Seen, Turn, Upkeep};
use crate::pipeline::{Content, fact, read_content};

/// Bytes of a file that is made of others: large enough for any reader, small enough to be copied in a moment.
const FILE_BYTES: u64 = 256 << 20;
/// Bytes of buffer towards a file.
const BUFFER_BYTES: usize = 256 << 10;

/// Which days are compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// This one only; all if none is named.
    pub day: Option<UtcDay>,
    /// Those of which every instant is so long ago.
    pub older_than: Duration,
    /// Rows of a file at most.
    pub rows: u64,
}

/// What compaction did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Days of which files became one, or would.
    pub days: Vec<Compacted>,
    /// Days that could not be compacted, and why.
    pub failed: Vec<(String, UtcDay, String)>,
}

/// A day of a log whose files became fewer, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// The log's name.
    pub log: String,
    /// The day.
    pub day: UtcDay,
    /// Files that become others.
    pub before: u64,
    /// Files that they become.
    pub after: u64,
    /// Their rows, which stay.
    pub rows: u64,
    /// Bytes of the files that become others.
    pub bytes: u64,
}

/// A day could not be compacted.
#[derive(Debug, thiserror::Error)]
enum NotCompacted {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Splice(#[from] SpliceError),
    #[error("the new file did not read back as it was written")]
    ReadBack(#[from] ReadBackError),
    #[error("the ledger refuses it")]
    Ledger(#[from] LedgerError),
    #[error("{} is not what its name says: {why}; log-ingestion repair --deep fetches it again", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("a second reader does not decode the new file: {0}")]
    SecondReader(String),
}

/// Files of one folder that become one.
struct Group<'a>(&'a [TableFile]);

/// A group's new file beside the table, and what it changes in the ledger.
struct Made {
    staged: Staged,
    name: FileName,
    exchange: Exchange,
}

impl Compaction {
    /// Takes in what came of a day.
    fn take(&mut self, log: &LogHeld, held: &HeldDay, outcome: Result<Option<Compacted>, NotCompacted>) {
        match outcome {
            Ok(done) => self.days.extend(done),
            Err(error) => {
                let why = crate::pipeline::chain(&error);
                tracing::error!(event = "error", log = %log.state.name, day = %held.day, error = %why, action = "the day stays as it is");
                self.failed.push((log.state.name.clone(), held.day, why));
            }
        }
    }
}

impl Upkeep {
    /// Which files become one; where `apply`, they do.
    ///
    /// # Errors
    /// When the folder cannot be read. What fails within a day is in what is given back.
    pub fn compact(&self, chosen: Chosen, apply: bool) -> Result<Compaction, StoreError> {
        let now = self.clock.now();
        let mut compaction = Compaction::default();
        for log in self.logs()? {
            let days = upkeep::old(&log.days, chosen.older_than, now).may_go.into_iter();
            for held in days.filter(|held| chosen.day.is_none_or(|day| day == held.day)) {
                let outcome = self.compact_day(&log, &held, chosen, apply);
                compaction.take(&log, &held, outcome);
            }
        }
        Ok(compaction)
    }

    /// Makes few files of the many of old days for a turn, oldest first, and looks at each day once. What is fetched again
    /// later of a day that was seen stays as it is until the next start.
    ///
    /// # Errors
    /// When the folder cannot be read. What fails within a day is in what is given back.
    pub fn compact_for(
        &self,
        chosen: Chosen,
        turn: &Turn,
        seen: &mut Seen,
    ) -> Result<Compaction, StoreError> {
        let now = self.clock.now();
        let mut compaction = Compaction::default();
        for log in self.logs()? {
            let slug = &log.state.slug;
            seen.keep(slug, |day| log.days.iter().any(|held| held.day == day));
            let mut left = turn.days;
            for held in upkeep::old(&log.days, chosen.older_than, now).may_go {
                if left == 0 || turn.is_over(self.clock.now()) {
                    break;
                }
                if seen.has(slug, held.day) {
                    continue;
                }
                seen.add(slug, held.day);
                let before = compaction.days.len();
                let outcome = self.compact_day(&log, &held, chosen, true);
                compaction.take(&log, &held, outcome);
                left = left.saturating_sub(compaction.days.len().saturating_sub(before));
            }
        }
        Ok(compaction)
    }

    fn compact_day(
        &self,
        log: &LogHeld,
        held: &HeldDay,
        chosen: Chosen,
        apply: bool,
    ) -> Result<Option<Compacted>, NotCompacted> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(None) };
        if self.table.files_of(&log.state.slug, day)?.len() < 2 {
            return Ok(None);
        }
        // As it is now: another day of the log may just have been compacted, and its end not be noted.
        let mut state = if apply { self.fresh(&log.state)? } else { log.state.clone() };
        if apply && !state.ledger.exchanges().is_empty() {
            self.end_exchange(&mut state)?;
        }
        let files = self.table.files_of(&state.slug, day)?;
        let candidates: Vec<Candidate> =
            files.iter().map(|file| self.candidate(file)).collect::<Result<_, _>>()?;
        let most = Fullness { rows: chosen.rows, bytes: FILE_BYTES };
        let groups = upkeep::groups(&state.ledger, &candidates, most);
        let groups: Vec<Group<'_>> =
            groups.into_iter().filter_map(|range| files.get(range)).map(Group).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let all = || groups.iter().flat_map(|group| group.0);
        let done = Compacted {
            log: state.name.clone(),
            day: held.day,
            before: all().count() as u64,
            after: groups.len() as u64,
            rows: all().map(|file| file.name.rows).sum(),
            bytes: all().map(|file| file.bytes).sum(),
        };
        if apply {
            // Files of a day may lie in several folders, if the layout was changed within it; each is a step by itself.
            for folder in groups.chunk_by(|a, b| a.folder() == b.folder()) {
                self.exchange(&mut state, folder)?;
            }
            let (before, after) = (done.before, done.after);
            tracing::info!(event = "compacted", log = %state.name, day = %held.day, files_before = before, files = after, rows = done.rows, bytes = done.bytes);
        }
        Ok(Some(done))
    }

    /// What a file's footer says that decides with which others it may become one.
    fn candidate(&self, file: &TableFile) -> Result<Candidate, NotCompacted> {
        let damaged = |why: String| NotCompacted::Damaged { path: file.path.clone(), why };
        let opened = Chunks::new(self.table.read(file)?).map_err(ReadBackError::Bytes)?;
        let said = inspect(opened).map_err(|error| damaged(error.to_string()))?;
        let fact = |key: &str| said.metadata.get(key).cloned().unwrap_or_default();
        let columns: Vec<String> = said.columns.iter().map(|c| format!("{} {}", c.name, c.kind)).collect();
        let likeness = [
            file.path.parent().map(|folder| folder.display().to_string()).unwrap_or_default(),
            fact(fact::LOG_ID),
            fact(fact::SCHEMA),
            said.metadata.contains_key(fact::SERVER_COUNT).to_string(),
            columns.join("\n"),
        ];
        let (rows, bytes) = (file.name.rows, file.bytes);
        Ok(Candidate { window: file.name.window, rows, bytes, likeness: likeness.join("\n") })
    }

    /// Makes the files of groups of one folder, and exchanges the folder for one that has them.
    fn exchange(&self, state: &mut LogState, groups: &[Group<'_>]) -> Result<(), NotCompacted> {
        self.check_folder()?;
        let made: Vec<Made> = groups.iter().map(|group| self.make(state, group)).collect::<Result<_, _>>()?;
        let exchanges: Vec<Exchange> = made.iter().map(|made| made.exchange).collect();
        let gone: Vec<TableFile> = groups.iter().flat_map(|group| group.0).cloned().collect();
        let new = made.into_iter().map(|made| (made.staged, made.name)).collect();
        let refolded = self.table.refold(new, &gone)?;
        state.ledger.begin_exchange(&exchanges)?;
        self.states.save(state)?;
        self.check_folder()?;
        let exchanged = self.table.exchange(&refolded);
        // Whether it was done the names tell, also where the disk refused.
        self.end_exchange(state)?;
        Ok(exchanged?)
    }

    fn end_exchange(&self, state: &mut LogState) -> Result<(), StoreError> {
        let figures = self.table.figures(&state.slug)?;
        state.ledger.end_exchange(|window| figures.of(window));
        self.states.save(state)
    }

    /// Makes the one file of a group, checked, beside the table.
    fn make(&self, state: &LogState, group: &Group<'_>) -> Result<Made, NotCompacted> {
        let contents: Vec<Content> = group.0.iter().map(|file| self.whole(file)).collect::<Result<_, _>>()?;
        let window = group.window().ok_or(SpliceError::Unlike)?;
        let mut before = contents.iter().fold(Tally::EMPTY, |all, content| all.plus(content.tally));
        before = before.plus(self.between(state, group, window)?);
        let facts = facts(group, &contents, window, before);
        let inputs =
            group.0.iter().map(|file| Ok(Chunks::new(self.table.read(file)?).map_err(ReadBackError::Bytes)?));
        let inputs: Vec<_> = inputs.collect::<Result<_, NotCompacted>>()?;
        let (staged, file) = self.table.stage()?;
        let encoded = splice(&inputs, BufWriter::with_capacity(BUFFER_BYTES, file), &facts)?;
        let (file, encoded) = parted(encoded);
        let file = file.into_inner().map_err(|error| ReadBackError::Bytes(error.into_error()))?;
        staged.sync(&*file)?;
        drop(file);
        let found = Chunks::new(staged.reopen()?).map_err(ReadBackError::Bytes)?;
        check(&read_back(&found)?, &encoded)?;
        let rows = decode(found).map_err(|error| NotCompacted::SecondReader(error.to_string()))?;
        if rows != before.stored {
            let text = format!("it finds {rows} rows, and {} are in the files", before.stored);
            return Err(NotCompacted::SecondReader(text));
        }
        let name = FileName::new(&state.slug, window, rows, &encoded.file_hash);
        let digest = Digest::of_name(&name.hash).unwrap_or_default();
        let after = Tally { files: 1, bytes: encoded.file_bytes, digest, ..before };
        Ok(Made { staged, name, exchange: Exchange { window, before, after } })
    }

    /// A file's content, if all of it is what its name and footer say.
    fn whole(&self, file: &TableFile) -> Result<Content, NotCompacted> {
        let damaged = |why: String| NotCompacted::Damaged { path: file.path.clone(), why };
        let content = read_content(&self.table, file).map_err(damaged)?;
        if content.name != file.name {
            return Err(damaged("it was cut off while it was replaced".to_owned()));
        }
        Ok(content)
    }

    /// What was quarantined of windows without a row that lie between the files of a group.
    fn between(&self, state: &LogState, group: &Group<'_>, window: LogWindow) -> Result<Tally, StoreError> {
        let mut all = Tally::EMPTY;
        for file in self.table.quarantine_files_of(&state.slug)? {
            let has_rows = group.0.iter().any(|known| known.name.window.overlaps(file.window));
            if file.window.lies_in(window) && !has_rows {
                let records = self.table.count_quarantined(&file)?;
                let counted = Some(records);
                all = all.plus(Tally { fetched: records, quarantined: records, counted, ..Tally::EMPTY });
            }
        }
        Ok(all)
    }
}

impl Group<'_> {
    /// From the first instant of the first file to the last of the last.
    fn window(&self) -> Option<LogWindow> {
        LogWindow::new(self.0.first()?.name.window.start(), self.0.last()?.name.window.end())
    }

    fn folder(&self) -> Option<&Path> {
        self.0.first()?.path.parent()
    }
}

/// What the new file says of itself: what the old ones say, of all their windows together.
fn facts(group: &Group<'_>, contents: &[Content], window: LogWindow, tally: Tally) -> Vec<(String, String)> {
    let made_of: Vec<&str> = group.0.iter().map(|file| file.name.hash.as_str()).collect();
    let mut facts = vec![
        (fact::SPAN_START, window.start().to_string()),
        (fact::SPAN_END, window.end().to_string()),
        (fact::MADE_OF, made_of.join(",")),
        (fact::TOOL, format!("log-ingestion {}", env!("CARGO_PKG_VERSION"))),
    ];
    if let Some(last) = contents.last() {
        facts.push((fact::LOG_ID, last.log_id.to_string()));
        facts.push((fact::LOG_NAME, last.log_name.clone()));
        if let Some(schema) = &last.schema {
            facts.push((fact::SCHEMA, serde_json::to_string(schema).unwrap_or_default()));
            facts.push((fact::SCHEMA_FINGERPRINT, schema.fingerprint()));
        }
    }
    if let Some(counted) = tally.counted {
        facts.push((fact::FETCHED, tally.fetched.to_string()));
        facts.push((fact::SERVER_COUNT, counted.to_string()));
    }
    // Of several counts the oldest: since then nothing is proven of the whole.
    let counted_at = contents.iter().map(|content| content.counted_at).min().flatten();
    let tail_since = contents.iter().filter_map(|content| content.tail_since).min();
    facts.extend(counted_at.map(|at| (fact::COUNTED_AT, at.to_string())));
    facts.extend(tail_since.map(|since| (fact::TAIL_SINCE, since.to_string())));
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The output of what was written, and the rest of what is known of it.
fn parted<W>(encoded: Encoded<W>) -> (W, Encoded<()>) {
    let Encoded { output, rows, quarantined, ignored, rescued, file_bytes, file_hash, content_hash, times } =
        encoded;
    let rest = Encoded {
        output: (),
        rows,
        quarantined,
        ignored,
        rescued,
        file_bytes,
        file_hash,
        content_hash,
        times,
    };
    (output, rest)
}
