//! Metrics and spans sent to a collector, over OTLP/HTTP with JSON bodies.
//!
//! Sends what `/metrics` says, and the spans that ended since, every so often and at the end. Decides nothing: what cannot
//! be sent is dropped and said once, since a collector that is away must not hold up or fill up a run. By hand, since the
//! protocol's crates would take longer to compile than all of this program's own.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Reader;
use crate::settings::Collector;

pub use spans::{SpanCollector, Spans};

mod message;
mod spans;

/// Time between two sendings: what collectors expect of an application, by the protocol's default for metrics.
const SEND_EVERY: Duration = Duration::from_secs(60);
/// Time for one sending.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the last sending of a run, which whoever stopped it waits for.
const LAST_TIMEOUT: Duration = Duration::from_secs(3);

/// Who sends.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Whom it is sent to.
    pub collector: Collector,
    /// `ENVIRONMENT`
    pub environment: String,
    /// What is measured.
    pub reader: Arc<Reader>,
    /// Spans that ended.
    pub spans: Arc<Spans>,
}

/// Sends until it is ended.
#[derive(Debug)]
pub struct Exporter {
    end: CancellationToken,
    tasks: TaskTracker,
}

impl Exporter {
    /// Begins to send. Call inside a runtime.
    #[must_use]
    pub fn begin(sender: Sender) -> Self {
        sender.spans.collect();
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        drop(tasks.spawn(send_until(sender, end.clone())));
        tasks.close();
        Self { end, tasks }
    }

    /// Sends once more and ends.
    pub async fn end(self) {
        self.end.cancel();
        // What does not get through by then is lost.
        drop(tokio::time::timeout(LAST_TIMEOUT, self.tasks.wait()).await);
    }
}

async fn send_until(sender: Sender, end: CancellationToken) {
    let client = reqwest::Client::builder().timeout(SEND_TIMEOUT).redirect(reqwest::redirect::Policy::none());
    let client = match client.default_headers(sender.collector.headers.clone()).build() {
        Ok(client) => client,
        Err(error) => return failed(&crate::pipeline::chain(&error)),
    };
    let mut was_well = true;
    loop {
        let ended = tokio::select! {
            () = tokio::time::sleep(SEND_EVERY) => false,
            () = end.cancelled() => true,
        };
        let sent = send(&client, &sender).await;
        if let Err(said) = &sent
            && was_well
        {
            failed(said);
        }
        was_well = sent.is_ok();
        if ended {
            return;
        }
    }
}

fn failed(said: &str) {
    tracing::warn!(
        event = "otlp_failed",
        error = said,
        action = "what was to be sent is dropped; it is tried again every minute"
    );
}

async fn send(client: &reqwest::Client, sender: &Sender) -> Result<(), String> {
    let reading = sender.clone();
    let made = tokio::task::spawn_blocking(move || {
        let resource = message::resource(&reading.environment);
        let spans = reading.spans.take();
        let traces = (!spans.is_empty()).then(|| message::traces(&resource, &spans));
        let (now, since) = (reading.reader.now(), reading.reader.standing().started);
        (message::metrics(&resource, &reading.reader.families(), since.unwrap_or(now), now), traces)
    });
    let (metrics, traces) = made.await.map_err(|error| error.to_string())?;
    let endpoint = &sender.collector.endpoint;
    // Some collectors take only one of the two.
    let sent = post(client, &format!("{endpoint}/v1/metrics"), &metrics).await;
    let sent_too = match traces {
        Some(traces) => post(client, &format!("{endpoint}/v1/traces"), &traces).await,
        None => Ok(()),
    };
    sent.and(sent_too)
}

async fn post(client: &reqwest::Client, url: &str, body: &Value) -> Result<(), String> {
    let request = client.post(url).header(reqwest::header::CONTENT_TYPE, "application/json");
    let reply = request.body(body.to_string()).send().await;
    // The address may hold a password.
    let reply = reply.map_err(|error| crate::pipeline::chain(&error.without_url()))?;
    let status = reply.status();
    if status.is_success() { Ok(()) } else { Err(format!("the collector answers with status {status}")) }
}
