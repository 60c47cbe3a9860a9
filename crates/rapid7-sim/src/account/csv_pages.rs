//! Decides the pages of the CSV endpoint: a log's rows under a line of column names.
//!
//! Never parses a row: the messages of the log are the rows. The window is half-open, the token a cursor.

use serde_json::json;

use super::errors::ApiError;
use super::{Account, Call};
use crate::civil::parse_iso;
use crate::http::SimReply;
use crate::semantics::CsvAnswer;
use crate::store::LogStore;
use crate::text::narrow;
use crate::timeline::Stamp;

/// Rows of one page at most.
const PAGE_ROWS_MAX: u64 = 100_000;

impl Account {
    pub(super) fn csv_page(&self, call: &Call<'_>) -> Result<SimReply, ApiError> {
        let log = self.csv_log().ok_or_else(ApiError::missing)?;
        let time = |name: &str| {
            let text = call.params.get(name).ok_or_else(|| ApiError::bad(format!("{name} is missing")))?;
            parse_iso(text).ok_or_else(|| ApiError::bad(format!("{name} is not ISO 8601")))
        };
        let mut range = log.half_open(time("start_time")?, time("end_time")?);
        let lag_ms = self.config.semantics.visibility_lag_ms;
        range.end = range.end.min(log.at_or_after(call.now_ms.saturating_sub(lag_ms).saturating_add(1)));
        if !matches!(call.params.get("format"), Some("csv")) {
            return Err(ApiError::bad("format must be csv"));
        }
        let token = call.params.get("page_token");
        if let Some(token) = token {
            let cursor = read_token(token).ok_or_else(|| ApiError::bad("page_token is not valid"))?;
            range.start = range.start.max(log.after(cursor));
        }
        let default_rows = u64::from(self.config.semantics.csv_page_rows);
        let limit = match call.params.get("limit").map(str::parse::<u64>) {
            None => default_rows,
            Some(Ok(limit @ 1..=PAGE_ROWS_MAX)) => limit,
            Some(_) => return Err(ApiError::bad("limit is not valid")),
        };
        let end = range.end.min(range.start.saturating_add(narrow(limit)));
        let next = end.checked_sub(1).and_then(|last| log.stamp(last)).filter(|_| end < range.end);
        let header = self.config.semantics.csv_header_every_page || token.is_none();
        let body = self.rows(log, range.start..end.max(range.start), header);
        Ok(self.csv_reply(body, next.map(|stamp| format!("p{}-{}", stamp.timestamp_ms, stamp.sequence))))
    }

    fn csv_log(&self) -> Option<&LogStore> {
        let wanted = self.config.csv_log.as_deref();
        let mut fit = self.living().filter(|(_, log)| log.csv_header.is_some());
        fit.find(|(_, log)| wanted.is_none_or(|name| log.name == name || log.id == name))
            .map(|(_, log)| log.as_ref())
    }

    fn rows(&self, log: &LogStore, range: std::ops::Range<usize>, header: bool) -> String {
        let mut out = String::new();
        if let Some(names) = log.csv_header.as_deref().filter(|_| header) {
            out.push_str(names);
            out.push('\n');
        }
        for index in range {
            log.put_message(index, &mut out);
            out.push('\n');
        }
        if !self.config.semantics.csv_final_newline && out.ends_with('\n') {
            out.pop();
        }
        out
    }

    fn csv_reply(&self, body: String, token: Option<String>) -> SimReply {
        match self.config.semantics.csv_answer {
            CsvAnswer::JsonData => SimReply::json(200, &json!({ "data": body, "next_page_token": token })),
            CsvAnswer::JsonLogs => SimReply::json(200, &json!({ "logs": body, "next_cursor": token })),
            CsvAnswer::Text => {
                let mut reply = SimReply::new(200, "text/csv", body.into_bytes());
                if let Some(token) = token {
                    reply.set("X-Next-Page-Token", token);
                }
                reply
            }
        }
    }
}

fn read_token(token: &str) -> Option<Stamp> {
    let (timestamp, sequence) = token.strip_prefix('p')?.rsplit_once('-')?;
    Some(Stamp { timestamp_ms: timestamp.parse().ok()?, sequence: sequence.parse().ok()? })
}
