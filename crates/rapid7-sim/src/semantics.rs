//! Decides what the service does where its documentation is silent: one switch for each unknown.
//!
//! Never decides when something goes wrong; that is `faults`. Each switch has one row in [`SWITCHES`], which
//! the command line, its help and the README follow.

use std::fmt::Write as _;

/// Whether a bound belongs to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The millisecond of the bound is in.
    Inclusive,
    /// The millisecond of the bound is out.
    Exclusive,
}

/// What a submit answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// 200 with the result.
    Done,
    /// 202 on the first page, 200 on every Next.
    Running,
    /// 202 on every page.
    RunningEveryPage,
    /// One of the above by the seed, page by page.
    Mixed,
}

/// The form of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStyle {
    /// `/query/...`
    Bare,
    /// `/log_search/query/...`
    LogSearchPrefix,
    /// Both in turn.
    Alternate,
}

/// How the CSV pages endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvAnswer {
    /// `text/csv`, the token in a header.
    Text,
    /// JSON with `data` and `next_page_token`.
    JsonData,
    /// JSON with `logs` and `next_cursor`.
    JsonLogs,
}

/// Every switch.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is explained by its row in SWITCHES")]
pub struct Semantics {
    pub from_bound: Bound,
    pub to_bound: Bound,
    pub submit_answer: SubmitAnswer,
    pub polls: u32,
    pub poll_running_status: u16,
    pub partial_events_while_running: bool,
    pub running_has_next: bool,
    pub self_link_changes: bool,
    pub time_range_echo: bool,
    pub link_host_style: LinkStyle,
    pub rel_lower_case: bool,
    pub post_next_per_page_reset: bool,
    pub next_on_full_page: bool,
    pub empty_pages: bool,
    pub events_absent_when_empty: bool,
    pub event_links: bool,
    pub extra_fields: bool,
    pub sequence_str_as_number: bool,
    pub content_type_charset: bool,
    pub query_gzip: bool,
    pub download_gzip: bool,
    pub download_final_newline: bool,
    pub visibility_lag_ms: i64,
    pub count_lag_ms: i64,
    pub bytes_count_newline: bool,
    pub error_key_code: bool,
    pub retry_after: bool,
    pub rate_headers: bool,
    pub continuation_expiry_ms: i64,
    pub csv_answer: CsvAnswer,
    pub csv_header_every_page: bool,
    pub csv_final_newline: bool,
    pub csv_page_rows: u32,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            from_bound: Bound::Inclusive,
            to_bound: Bound::Exclusive,
            submit_answer: SubmitAnswer::Done,
            polls: 2,
            poll_running_status: 200,
            partial_events_while_running: false,
            running_has_next: false,
            self_link_changes: false,
            time_range_echo: true,
            link_host_style: LinkStyle::Bare,
            rel_lower_case: false,
            post_next_per_page_reset: false,
            next_on_full_page: false,
            empty_pages: false,
            events_absent_when_empty: false,
            event_links: false,
            extra_fields: true,
            sequence_str_as_number: false,
            content_type_charset: false,
            query_gzip: false,
            download_gzip: false,
            download_final_newline: true,
            visibility_lag_ms: 0,
            count_lag_ms: 0,
            bytes_count_newline: false,
            error_key_code: false,
            retry_after: true,
            rate_headers: true,
            continuation_expiry_ms: 20_000,
            csv_answer: CsvAnswer::Text,
            csv_header_every_page: true,
            csv_final_newline: true,
            csv_page_rows: 1_000,
        }
    }
}

/// One switch: its name, its values (the default first) and what it changes.
#[derive(Clone, Copy)]
pub struct Switch {
    /// The name on the command line.
    pub key: &'static str,
    /// The values, the default first.
    pub values: &'static str,
    /// What it changes.
    pub about: &'static str,
    set: fn(&mut Semantics, &str) -> Option<()>,
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Switch({})", self.key)
    }
}

fn bound(value: &str) -> Option<Bound> {
    match value {
        "inclusive" => Some(Bound::Inclusive),
        "exclusive" => Some(Bound::Exclusive),
        _ => None,
    }
}

fn switch(value: &str) -> Option<bool> {
    choice(value, "true", "false").or_else(|| choice(value, "on", "off"))
}

/// True for `yes`, false for `no`.
fn choice(value: &str, yes: &str, no: &str) -> Option<bool> {
    (value == yes || value == no).then_some(value == yes)
}

fn submit(value: &str) -> Option<SubmitAnswer> {
    match value {
        "200" => Some(SubmitAnswer::Done),
        "202" => Some(SubmitAnswer::Running),
        "202-every-page" => Some(SubmitAnswer::RunningEveryPage),
        "mixed" => Some(SubmitAnswer::Mixed),
        _ => None,
    }
}

fn style(value: &str) -> Option<LinkStyle> {
    match value {
        "bare" => Some(LinkStyle::Bare),
        "log_search_prefix" => Some(LinkStyle::LogSearchPrefix),
        "alternate" => Some(LinkStyle::Alternate),
        _ => None,
    }
}

fn csv_answer(value: &str) -> Option<CsvAnswer> {
    match value {
        "text" => Some(CsvAnswer::Text),
        "json-data" => Some(CsvAnswer::JsonData),
        "json-logs" => Some(CsvAnswer::JsonLogs),
        _ => None,
    }
}

macro_rules! switches {
    ($($key:literal, $values:literal, $field:ident = $read:expr, $about:literal;)*) => {
        /// Every switch of [`Semantics`].
        pub const SWITCHES: &[Switch] = &[$(Switch {
            key: $key,
            values: $values,
            about: $about,
            set: |semantics, value| {
                let read: fn(&str) -> Option<_> = $read;
                semantics.$field = read(value)?;
                Some(())
            },
        }),*];
    };
}

switches! {
    "from_bound", "inclusive|exclusive", from_bound = bound, "events at exactly `from`";
    "to_bound", "exclusive|inclusive", to_bound = bound, "events at exactly `to`";
    "submit_answer", "200|202|202-every-page|mixed", submit_answer = submit, "what a submit answers";
    "polls", "2|N", polls = |v| v.parse().ok().filter(|n| *n > 0), "polls until a running query is done";
    "poll_running_status", "200|202", poll_running_status = |v| v.parse().ok().filter(|n| matches!(*n, 200 | 202)),
        "status of a poll that is not done";
    "partial_events_while_running", "none|some",
        partial_events_while_running = |v| choice(v, "some", "none"), "rows in a running body";
    "running_has_next", "false|true", running_has_next = switch, "a running body has Self and Next";
    "self_link_changes", "false|true", self_link_changes = switch, "each poll gives a new id and ends the old one";
    "time_range_echo", "true|false", time_range_echo = switch, "Self carries ?time_range= of a relative query";
    "link_host_style", "bare|log_search_prefix|alternate", link_host_style = style, "the path form of links";
    "rel_case", "title|lower", rel_lower_case = |v| choice(v, "lower", "title"), "Self/Next or self/next";
    "post_next_per_page", "kept|50", post_next_per_page_reset = |v| choice(v, "50", "kept"),
        "per_page in the Next link of a POSTed query";
    "next_on_full_page", "false|true", next_on_full_page = switch, "a full last page has a Next to an empty one";
    "empty_pages", "false|true", empty_pages = switch, "an empty page with a Next stands between any two pages";
    "events_absent_when_empty", "false|true", events_absent_when_empty = switch, "no `events` key without events";
    "event_links", "false|true", event_links = switch, "each event has its Context link";
    "extra_fields", "true|false", extra_fields = switch, "undocumented event fields";
    "sequence_str_as_number", "false|true", sequence_str_as_number = switch,
        "sequence_number_str is a JSON number";
    "content_type_charset", "false|true", content_type_charset = switch, "Content-Type ends in ;charset=utf-8";
    "query_gzip", "false|true", query_gzip = switch, "JSON is gzipped for clients that accept it";
    "download_gzip", "false|true", download_gzip = switch, "downloads are gzipped for clients that accept it";
    "download_final_newline", "true|false", download_final_newline = switch, "the last line of a download ends";
    "visibility_lag_ms", "0|N", visibility_lag_ms = |v| v.parse().ok(), "ms from receipt until searchable";
    "count_lag_ms", "0|N", count_lag_ms = |v| v.parse().ok(),
        "ms that statistics see later (or, below 0, earlier) than events";
    "bytes_count_newline", "false|true", bytes_count_newline = switch, "calculate(bytes) adds 1 an event";
    "error_key", "errorCode|code", error_key_code = |v| choice(v, "code", "errorCode"), "the key of error codes";
    "retry_after", "present|absent", retry_after = |v| choice(v, "present", "absent"), "Retry-After on a 429";
    "rate_headers", "present|absent", rate_headers = |v| choice(v, "present", "absent"), "X-RateLimit-*";
    "continuation_expiry_ms", "20000|N", continuation_expiry_ms = |v| v.parse().ok(), "ms until Self is 404";
    "csv_answer", "text|json-data|json-logs", csv_answer = csv_answer, "the form of CSV pages";
    "csv_header", "every|first", csv_header_every_page = |v| choice(v, "every", "first"), "pages with column names";
    "csv_final_newline", "true|false", csv_final_newline = switch, "the last row of a page ends";
    "csv_page_rows", "1000|N", csv_page_rows = |v| v.parse().ok().filter(|n| *n > 0), "rows of a page without `limit`";
}

impl Semantics {
    /// Sets one switch by name, as `--semantic KEY=VALUE` does.
    ///
    /// # Errors
    /// A sentence that names the switch and its values.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let Some(switch) = SWITCHES.iter().find(|switch| switch.key == key) else {
            let known: Vec<&str> = SWITCHES.iter().map(|switch| switch.key).collect();
            return Err(format!("no switch {key:?}; known are {}", known.join(", ")));
        };
        (switch.set)(self, value).ok_or_else(|| format!("{key} takes {}, not {value:?}", switch.values))
    }

    /// The table for `--help`.
    pub fn help() -> String {
        let mut out = String::new();
        for switch in SWITCHES {
            let written = writeln!(out, "  {:<30} {:<34} {}", switch.key, switch.values, switch.about);
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_takes_its_listed_values() {
        for switch in SWITCHES {
            for value in switch.values.split('|') {
                let value = if value == "N" { "7" } else { value };
                let mut semantics = Semantics::default();
                assert_eq!(semantics.set(switch.key, value), Ok(()), "{}={value}", switch.key);
            }
            assert!(Semantics::default().set(switch.key, "?").is_err(), "{}", switch.key);
        }
        assert!(Semantics::default().set("nope", "1").is_err());
    }

    #[test]
    fn the_first_value_is_the_default() {
        for switch in SWITCHES {
            let first = switch.values.split('|').next().unwrap();
            let mut semantics = Semantics::default();
            semantics.set(switch.key, first).unwrap();
            assert_eq!(format!("{semantics:?}"), format!("{:?}", Semantics::default()), "{}", switch.key);
        }
    }
}
