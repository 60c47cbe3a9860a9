//! What the server answers to a handful of requests, each sent once: no retries, no waits, and no event that is stored.
//!
//! Decides what is asked. What the answers mean is judged elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use ingest_core::api::{ApiRequest, Ask};
use ingest_core::bounds::RequestSpan;
use ingest_core::catalog::{self, LogInfo, Selector};
use ingest_core::count::CountQuery;
use ingest_core::csv_pages::CsvPages;
use ingest_core::ids::LogId;
use ingest_core::quota::{Class, QuotaHeaders};
use ingest_core::retry;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::clock::Clock;
use ingest_source::transport::{ApiKey, Credential, HttpRequest, Transport};
use ingest_source::{Endpoint, Protocol};

use super::facts::{Probe, ServerFacts};

/// How long one answer may take, in all: a person waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Largest list of logs that is read, in bytes: tens of thousands of logs.
const LIST_BYTES_MAX: usize = 64 << 20;
/// Log time that is counted, in milliseconds, and how long ago it ended: long enough that it is settled.
const COUNTED_MS: i64 = 60_000;
const COUNTED_AGO_MS: i64 = 600_000;
/// A `Date` names whole seconds: on average it is half of one old, in milliseconds.
const DATE_AGE_MS: i64 = 500;

/// What is needed to ask.
pub(super) struct Line {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) endpoint: Endpoint,
    pub(super) protocol: Protocol,
    pub(super) key: ApiKey,
}

/// An answer, as far as it is of use.
struct Answer {
    class: Class,
    probe: Probe,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// When half of the exchange was over.
    at: Timestamp,
}

impl Line {
    /// Asks everything.
    pub(super) async fn ask(&self, wanted: &[Selector]) -> ServerFacts {
        match self.protocol {
            Protocol::LogSearch => self.ask_log_search(wanted).await,
            Protocol::CsvPages => self.ask_pages().await,
        }
    }

    async fn ask_log_search(&self, wanted: &[Selector]) -> ServerFacts {
        let list = self.send(&catalog::logs_request()).await;
        let logs = self.wanted(&list, wanted).await;
        let mut answers = vec![list];
        if let Some(log) = logs.as_ref().ok().and_then(|logs| logs.first()) {
            let end = self.clock.now().plus_millis(-COUNTED_AGO_MS);
            let span = RequestSpan { from: end.plus_millis(-COUNTED_MS), to: end };
            if let Ask::Send { request, .. } = CountQuery::new(&log.id, span, 1).ask() {
                answers.push(self.send(&request).await);
            }
            answers.push(self.send(&download(&log.id, end)).await);
        }
        facts(answers, logs.map(|logs| logs.len()))
    }

    /// The logs that are wanted, by a list that can be read.
    async fn wanted(&self, list: &Answer, wanted: &[Selector]) -> Result<Vec<LogInfo>, String> {
        if !list.probe.worked() {
            return Ok(Vec::new());
        }
        let unreadable =
            |what: &str, error: &dyn std::fmt::Display| format!("the list of {what} cannot be read: {error}");
        let mut logs = catalog::read_logs(&list.body).map_err(|error| unreadable("logs", &error))?;
        if wanted.iter().any(|selector| matches!(selector, Selector::Set(_))) {
            let sets = self.send(&catalog::log_sets_request()).await;
            catalog::add_sets(&sets.body, &mut logs).map_err(|error| unreadable("log sets", &error))?;
        }
        catalog::select(logs, wanted).map_err(|error| format!("RAPID7_LOGS: {error}"))
    }

    async fn ask_pages(&self) -> ServerFacts {
        let mut answers = vec![self.send(&ApiRequest::path(Class::Pages, &["test"], Vec::new())).await];
        let end = self.clock.now().plus_millis(-COUNTED_AGO_MS);
        let window = LogWindow::new(end.plus_millis(-COUNTED_MS), end);
        if let Some(Ask::Send { request, .. }) = window.map(|window| CsvPages::new(window, 1).ask()) {
            answers.push(self.send(&request).await);
        }
        facts(answers, Ok(1))
    }

    async fn send(&self, request: &ApiRequest) -> Answer {
        let began = self.clock.now();
        let exchange = tokio::time::timeout(ANSWER_WITHIN, self.exchange(request)).await;
        let silence = || Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs()));
        let exchange = exchange.unwrap_or_else(|_elapsed| silence());
        let took = self.clock.now().millis().saturating_sub(began.millis());
        let at = began.plus_millis(took / 2);
        let class = request.class;
        match exchange {
            Ok((status, headers, body)) => Answer { class, probe: Probe::Status(status), headers, body, at },
            Err(error) => {
                Answer { class, probe: Probe::Silence(error), headers: BTreeMap::new(), body: Vec::new(), at }
            }
        }
    }

    async fn exchange(
        &self,
        request: &ApiRequest,
    ) -> Result<(u16, BTreeMap<String, String>, Vec<u8>), String> {
        let url = self.endpoint.url(&request.target).map_err(|error| error.to_string())?;
        let credential = match self.protocol {
            Protocol::LogSearch => Credential::ApiKeyHeader(self.key.clone()),
            Protocol::CsvPages => Credential::Bearer(self.key.clone()),
        };
        let sent = self.transport.send(HttpRequest { url, credential }).await;
        let mut reply = sent.map_err(|error| error.to_string())?;
        let mut body = Vec::new();
        // Only the lists are read: of everything else, the head says enough.
        while request.class == Class::Management
            && let Some(piece) = reply.body.next().await
        {
            body.extend_from_slice(&piece.map_err(|error| error.to_string())?);
            if body.len() > LIST_BYTES_MAX {
                return Err(format!("the list is larger than {LIST_BYTES_MAX} bytes"));
            }
        }
        Ok((reply.status, reply.headers, body))
    }
}

fn download(log: &LogId, at: Timestamp) -> ApiRequest {
    let parameters = vec![("from", at.millis().to_string()), ("to", at.plus_millis(1).millis().to_string())];
    ApiRequest::path(Class::Download, &["download", "logs", log.as_str()], parameters)
}

fn facts(answers: Vec<Answer>, logs: Result<usize, String>) -> ServerFacts {
    let ahead_ms = answers.iter().find_map(|answer| {
        let date = answer.headers.get("date").and_then(|text| retry::http_date(text))?;
        Some(date.millis().saturating_add(DATE_AGE_MS).saturating_sub(answer.at.millis()))
    });
    let quotas = answers.iter().map(|answer| (answer.class, QuotaHeaders::read(&answer.headers)));
    let quotas = quotas.filter(|(_, quota)| *quota != QuotaHeaders::default()).collect();
    let mut probes = answers.into_iter().map(|answer| answer.probe);
    let mut next = || probes.next().unwrap_or(Probe::NotAsked);
    ServerFacts { list: next(), query: next(), download: next(), logs, ahead_ms, quotas }
}
