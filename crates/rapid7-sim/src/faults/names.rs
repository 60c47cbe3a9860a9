//! Decides the names of faults and classes, and which fault fits which class.
//!
//! Never decides when a fault strikes.

use std::str::FromStr;

/// What a request asks for, as quotas, faults and counters see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestClass {
    /// The first page of an event query.
    Submit,
    /// A later page.
    Next,
    /// A `calculate` or `groupby` query.
    Statistics,
    /// A poll.
    Poll,
    /// A download.
    Download,
    /// Logs, log sets, labels.
    Management,
    /// Bytes per day.
    Usage,
    /// Whether the key is good.
    Validate,
    /// A page of the CSV endpoint.
    CsvPage,
    /// The probe of the CSV endpoint.
    CsvProbe,
    /// Anything else.
    Other,
}

impl RequestClass {
    /// Every class with its name.
    pub const ALL: [(&'static str, Self); 11] = [
        ("submit", Self::Submit),
        ("next", Self::Next),
        ("statistics", Self::Statistics),
        ("poll", Self::Poll),
        ("download", Self::Download),
        ("management", Self::Management),
        ("usage", Self::Usage),
        ("validate", Self::Validate),
        ("csv_page", Self::CsvPage),
        ("csv_probe", Self::CsvProbe),
        ("other", Self::Other),
    ];

    /// The name in counters and flags.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, class)| *class == self).map_or("other", |(name, _)| name)
    }
}

impl FromStr for RequestClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        let known = || Self::ALL.map(|(name, _)| name).join(", ");
        found.map(|(_, class)| *class).ok_or_else(|| format!("no class {text:?}; known are {}", known()))
    }
}

/// Which classes a fault fits.
type Classes = &'static [RequestClass];

/// One fault as `--help` shows it.
#[derive(Debug, Clone, Copy)]
pub struct FaultInfo {
    /// The fault.
    pub fault: FaultName,
    /// Its name in flags.
    pub name: &'static str,
    /// What the client meets.
    pub about: &'static str,
    classes: Classes,
}

use RequestClass::{
    CsvPage, CsvProbe, Download, Management, Next, Other, Poll, Statistics, Submit, Usage, Validate,
};

const ANY: Classes =
    &[Submit, Next, Statistics, Poll, Download, Management, Usage, Validate, CsvPage, CsvProbe, Other];
const PAGES: Classes = &[Submit, Next];
const NEXT: Classes = &[Next];
const POLL: Classes = &[Poll];
const LINKED: Classes = &[Submit, Next, Statistics, Poll];
const QUERY: Classes = &[Submit, Next, Statistics];
const COUNTS: Classes = &[Statistics];
const DOWNLOAD: Classes = &[Download];
const LOGS: Classes = &[Submit, Next, Statistics, Download];
const BODIES: Classes = &[Submit, Next, Statistics, Poll, Management, Usage, CsvPage];

macro_rules! faults {
    ($($fault:ident, $name:literal, $classes:ident, $about:literal;)*) => {
        /// Every way an answer goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultName {
            $(#[doc = $about] $fault,)*
        }

        /// Every fault with its name and meaning.
        pub const FAULTS: &[FaultInfo] = &[$(
            FaultInfo { fault: FaultName::$fault, name: $name, about: $about, classes: $classes },
        )*];
    };
}

faults! {
    HttpErrorHtml, "http_500_502_503_504_html", ANY, "one of the four statuses, by the seed, with an HTML body";
    Http500, "http_500", ANY, "500 with an HTML body";
    Http502, "http_502", ANY, "502 with an HTML body";
    Http503, "http_503", ANY, "503 with an HTML body";
    Http503Later, "http_503_retry_after", ANY, "503 with the seconds to wait in Retry-After";
    Http503LaterDate, "http_503_retry_after_date", ANY, "503 with the date to wait for in Retry-After";
    Http504, "http_504", ANY, "504 with an HTML body";
    Html200, "html_200", ANY, "200 with an HTML body";
    Retry429, "retry_429", ANY, "429 with Retry-After, whatever the quota";
    ConnectionReset, "connection_reset_before_body", ANY, "the connection is reset before a status line";
    RedirectToForeignHost, "redirect_to_foreign_host", ANY, "302 to a foreign host";
    SlowFirstByte, "slow_first_byte", ANY, "the status line comes late";
    SlowTrickle, "slow_trickle", ANY, "the body comes in small pieces with pauses";
    ClockSkew, "clock_skew", ANY, "the Date header is hours off";
    KeyRevoked, "key_revoked_mid_run", ANY, "401 from this request on";
    LogDeleted, "log_deleted_mid_run", LOGS, "the first log asked for is gone from this request on";
    BodyCut, "body_cut_mid_json", BODIES, "the connection closes in the middle of the body";
    UnreadableJson, "unreadable_json", BODIES, "half a body with a clean end";
    RateLimitDuringPoll, "rate_limit_during_poll_longer_than_expiry", POLL,
        "polls get 429 until the continuation has expired";
    RateLimitOnNext, "rate_limit_on_next_page", NEXT, "429 on a Next page";
    NextLinkRepeats, "next_link_repeats", PAGES, "Next leads to the page it stands on";
    NextLinkMissing, "next_link_missing", PAGES, "no Next although there are more events";
    EmptyPageWithNext, "empty_page_with_next", PAGES, "no events, and a Next that goes on";
    DuplicateAtBorder, "duplicate_event_at_page_border", NEXT, "a page starts with the last event of the one before";
    ShrunkPerPage, "shrunk_per_page", PAGES, "Next asks for 50 events a page";
    DwindlingPerPage, "dwindling_per_page", PAGES, "Next asks for half the events a page";
    ForeignHostInLink, "foreign_host_in_link", LINKED, "Self and Next lead to a foreign host";
    DefaultQueryTrap, "default_query_trap", QUERY, "another window than asked for is searched and echoed";
    DefaultStatementTrap, "default_statement_trap", QUERY, "another statement than asked for is run and echoed";
    BeyondRetentionEmpty, "beyond_retention_header_with_zero_rows", QUERY,
        "x-beyond-retention, and no events although there are some";
    CountMismatch, "count_mismatch", COUNTS, "count and slices agree, one too high or too low";
    CountSelfDisagrees, "count_self_disagrees", COUNTS, "the slices do not add up to the count";
    DownloadCut, "download_cut_without_last_chunk", DOWNLOAD, "the connection closes within the stream";
    DownloadCutClean, "download_cut_with_clean_end", DOWNLOAD, "the stream ends early, within a line, cleanly";
    DownloadRowsDropped, "download_rows_dropped", DOWNLOAD, "some lines are missing, the end is clean";
    DownloadLimitHit, "download_limit_hit", DOWNLOAD, "the server stops at half of the lines, cleanly";
    NewlineInEntry, "newline_inside_download_entry", DOWNLOAD, "some messages hold a line feed";
}

impl FaultName {
    fn info(self) -> Option<&'static FaultInfo> {
        FAULTS.iter().find(|info| info.fault == self)
    }

    /// The name in flags.
    pub fn name(self) -> &'static str {
        self.info().map_or("", |info| info.name)
    }

    /// Whether a request of this class can meet the fault.
    pub fn fits(self, class: RequestClass) -> bool {
        self.info().is_some_and(|info| info.classes.contains(&class))
    }
}

impl FromStr for FaultName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = FAULTS.iter().find(|info| info.name == text);
        let known = || FAULTS.iter().map(|info| info.name).collect::<Vec<_>>().join(", ");
        found.map(|info| info.fault).ok_or_else(|| format!("no fault {text:?}; known are {}", known()))
    }
}
