//! Decides what a download streams: the raw messages of a window, one a line.
//!
//! Never holds the stream in memory: pieces are written when asked for.

use std::collections::VecDeque;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::errors::ApiError;
use super::select::{Sight, Span};
use super::submit::{Query, Target};
use super::{Account, Call};
use crate::civil::file_stamp;
use crate::faults::FaultName;
use crate::http::{Delivery, ReplyBody, SimReply};
use crate::leql::Filter;
use crate::rng::mix;
use crate::store::LogStore;
use crate::text::{SURROGATE_MARK, wide};

/// Logs of one download at most.
const IDS_MAX: usize = 10;
/// Entries of one download at most.
const LIMIT_MAX: u64 = 500_000_000;
/// Size of one piece.
const CHUNK_BYTES: usize = 64 * 1024;
/// A server that drops rows drops one in so many, and always the first.
const DROP_ONE_IN: u64 = 97;
/// A server that lets line feeds through has one in so many messages.
const NEWLINE_ONE_IN: usize = 40;

impl Account {
    pub(super) fn download(&mut self, call: &Call<'_>, ids: &str) -> Result<SimReply, ApiError> {
        let ids: Vec<String> = ids.split([':', ';']).map(str::to_owned).collect();
        if ids.len() > IDS_MAX {
            return Err(ApiError::bad("At most 10 logs may be downloaded at once"));
        }
        let query = download_query(call, Target::Keys(ids))?;
        let limit = match call.params.get("limit").map(str::parse::<u64>) {
            None => LIMIT_MAX,
            Some(Ok(limit @ 1..=LIMIT_MAX)) => limit,
            Some(_) => return Err(ApiError::bad("limit must be between 1 and 500000000")),
        };
        let logs = self.resolve(&query.target)?;
        if self.faults.fires(&call.struck, FaultName::LogDeleted) {
            self.deleted.extend(logs.first());
            return Err(ApiError::missing());
        }
        let sight = Sight {
            now_ms: call.now_ms,
            lag_ms: self.config.semantics.visibility_lag_ms,
            repeat_cursor: false,
        };
        let spans = self.spans(&query, &logs, sight);
        let lines = self.lines(&query, &spans, limit);
        Ok(self.stream(call, &query, lines))
    }

    fn lines(&self, query: &Query, spans: &[Span], limit: u64) -> Lines {
        let parts =
            spans.iter().filter_map(|span| Some((Arc::clone(self.logs.get(span.log)?), span.range.clone())));
        Lines {
            parts: parts.collect(),
            filter: query.statement.filter.clone(),
            rows_left: limit,
            tail_half_line: false,
            final_newline: self.config.semantics.download_final_newline,
            drops: None,
            newlines: false,
            started: false,
            written: false,
            ended: false,
            text: String::new(),
        }
    }

    /// Applies the faults of a stream, and wraps it.
    fn stream(&mut self, call: &Call<'_>, query: &Query, mut lines: Lines) -> SimReply {
        let name = lines.parts.front().map_or("", |(store, _)| store.name.as_str());
        let (from, to) = (file_stamp(query.from), file_stamp(query.to));
        let disposition = format!(
            "attachment; filename=\"{}_{from}_{to}.log\"",
            name.replace(|c: char| c == '"' || c.is_control(), "_")
        );
        let any_rows = lines.parts.iter().any(|(_, range)| !range.is_empty());
        let delivery = if any_rows { self.stream_faults(call, &mut lines) } else { Delivery::Whole };
        let gzip = self.config.semantics.download_gzip && call.request.accepts("gzip");
        let body: Box<dyn Iterator<Item = Vec<u8>> + Send> =
            if gzip { Box::new(Gzip::new(lines)) } else { Box::new(lines) };
        let mut reply = SimReply::new(200, "text/plain", Vec::new()).with("Content-Disposition", disposition);
        if gzip {
            reply.set("Content-Encoding", "gzip");
        }
        (reply.body, reply.delivery) = (ReplyBody::Chunks(body), delivery);
        reply
    }

    /// Spoils a stream that has rows.
    fn stream_faults(&mut self, call: &Call<'_>, lines: &mut Lines) -> Delivery {
        let mut fires = |name| self.faults.fires(&call.struck, name);
        if fires(FaultName::DownloadRowsDropped) {
            lines.drops = Some(mix(self.config.seed ^ self.ordinal));
        }
        lines.newlines = fires(FaultName::NewlineInEntry);
        if fires(FaultName::DownloadLimitHit) {
            lines.rows_left = lines.rows() / 2;
        }
        if fires(FaultName::DownloadCutClean) {
            lines.rows_left = lines.rows() / 2;
            lines.tail_half_line = true;
        }
        if fires(FaultName::DownloadCut) {
            return Delivery::CutBodyAfter(lines.bytes_of(lines.rows() / 2));
        }
        Delivery::Whole
    }
}

/// The query of a download: where() only, `to` is now unless given.
fn download_query(call: &Call<'_>, target: Target) -> Result<Query, ApiError> {
    let mut params = call.params.clone();
    if params.get("from").is_some() && params.get("to").is_none() {
        params.add("to", call.now_ms.to_string());
    }
    let query = Query::from_params(target, &params, call.now_ms)?;
    if query.statement.is_statistic() {
        return Err(ApiError::bad("Calculations are not supported in a download"));
    }
    Ok(Query { sequence: None, newest_first: false, ..query })
}

/// The lines of a download.
struct Lines {
    parts: VecDeque<(Arc<LogStore>, Range<usize>)>,
    filter: Filter,
    rows_left: u64,
    /// After the last row comes half of one more.
    tail_half_line: bool,
    final_newline: bool,
    /// Seed of the rows that are missing.
    drops: Option<u64>,
    newlines: bool,
    /// Whether the first row was met.
    started: bool,
    /// Whether a line was sent.
    written: bool,
    ended: bool,
    text: String,
}

impl Lines {
    /// Rows the stream has without faults.
    fn rows(&self) -> u64 {
        let mut text = String::new();
        let mut rows = 0;
        for (store, range) in &self.parts {
            if self.filter == Filter::All {
                rows += wide(range.len());
                continue;
            }
            for index in range.clone() {
                text.clear();
                store.put_message(index, &mut text);
                rows += u64::from(self.filter.passes(&text));
            }
        }
        rows.min(self.rows_left)
    }

    /// About the bytes of the first `rows` rows.
    fn bytes_of(&self, rows: u64) -> u64 {
        let Some((store, range)) = self.parts.iter().find(|(_, range)| !range.is_empty()) else {
            return 0;
        };
        let mut text = String::new();
        let sample = range.clone().take(16);
        sample.for_each(|index| store.put_message(index, &mut text));
        wide(text.len()) / wide(range.len().clamp(1, 16)) * rows + 1
    }

    /// Puts the next message that passes into `self.text`.
    fn advance(&mut self) -> bool {
        while let Some((store, range)) = self.parts.front_mut() {
            for index in range.by_ref() {
                self.text.clear();
                store.put_message(index, &mut self.text);
                let first = !self.started;
                let dropped = |seed: u64| first || mix(seed ^ wide(index)).is_multiple_of(DROP_ONE_IN);
                if !self.filter.passes(&self.text) {
                    continue;
                }
                if self.drops.is_some_and(dropped) {
                    self.drops = self.drops.map(mix);
                    self.started = true;
                    continue;
                }
                if self.newlines && index % NEWLINE_ONE_IN == 0 {
                    let middle = self.text.char_indices().nth(self.text.chars().count() / 2);
                    self.text.insert(middle.map_or(0, |(at, _)| at), '\n');
                }
                return true;
            }
            self.parts.pop_front();
        }
        false
    }

    /// Puts the message after the end of the line before it, or one `part`-th of it. An unpaired surrogate
    /// has no UTF-8 form, a server writes a question mark.
    fn put_line(&mut self, out: &mut Vec<u8>, part: usize) {
        if self.written {
            out.push(b'\n');
        }
        self.written = true;
        if self.text.contains(SURROGATE_MARK) {
            self.text = self.text.replace(SURROGATE_MARK, "?");
        }
        let bytes = self.text.as_bytes();
        out.extend_from_slice(bytes.get(..bytes.len() / part).unwrap_or(bytes));
    }
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
        while out.len() < CHUNK_BYTES && !self.ended {
            if self.rows_left > 0 && self.advance() {
                self.rows_left -= 1;
                self.put_line(&mut out, 1);
                continue;
            }
            self.ended = true;
            if self.tail_half_line && self.advance() {
                self.put_line(&mut out, 2);
            } else if self.final_newline && self.written {
                out.push(b'\n');
            }
        }
        (!out.is_empty()).then_some(out)
    }
}

/// The same stream, compressed.
struct Gzip {
    lines: Lines,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Gzip {
    fn new(lines: Lines) -> Self {
        Self { lines, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }
}

impl Iterator for Gzip {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut encoder = self.encoder.take()?;
        for piece in self.lines.by_ref() {
            encoder.write_all(&piece).ok()?;
            if encoder.get_ref().len() >= CHUNK_BYTES / 4 {
                let ready = std::mem::take(encoder.get_mut());
                self.encoder = Some(encoder);
                return Some(ready);
            }
        }
        encoder.finish().ok()
    }
}
