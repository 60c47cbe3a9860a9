//! `health`: whether the service does its work, for scripts and containers.
//!
//! Asks the service at `METRICS_ADDR` whether it is ready; where nobody serves, as under cron, judges from what the last
//! pass noted and the ledgers say. Changes nothing. Exit 0 healthy, 1 not.

use std::sync::Arc;
use std::time::Duration;

use ingest_store::{NoteFile, StateDir};
use serde_json::{Value, json};

use super::print;
use crate::cli::HealthArgs;
use crate::exit::{CommandError, Exit};
use crate::last_pass::{LastPass, complaints};
use crate::settings;
use crate::surroundings::Surroundings;

/// How long the service may take to answer: a container's probe gives up after a few seconds.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const ANSWER_MAX: usize = 64 << 10;

/// What came of asking a service.
enum Asked {
    /// It says why it is not ready; nothing if it is.
    Says(Vec<String>),
    /// Nobody answers, or not as the service would.
    Nobody(String),
}

/// A judgement, and what it was made from.
struct Judged {
    source: String,
    reasons: Vec<String>,
}

pub(crate) async fn run(surroundings: &Surroundings, args: &HealthArgs) -> Result<Exit, CommandError> {
    let judged = judge(surroundings, args).await;
    let healthy = judged.reasons.is_empty();
    let text = if args.json {
        json!({ "healthy": healthy, "source": judged.source, "reasons": judged.reasons }).to_string()
    } else if healthy {
        format!("healthy, says {}", judged.source)
    } else {
        format!("not healthy, says {}:\n  {}", judged.source, judged.reasons.join("\n  "))
    };
    print(&format!("{text}\n"))?;
    Ok(if healthy { Exit::Done } else { Exit::Failed })
}

async fn judge(surroundings: &Surroundings, args: &HealthArgs) -> Judged {
    if let Some(url) = &args.url {
        let source = url.clone();
        return match ask(&ready_url(url)).await {
            Asked::Says(reasons) => Judged { source, reasons },
            Asked::Nobody(said) => Judged { source, reasons: vec![said] },
        };
    }
    let addr = match settings::observing(&surroundings.layers) {
        Ok(observing) => observing.addr.to_ask(),
        Err(error) => return Judged { source: "the settings".to_owned(), reasons: vec![error.to_string()] },
    };
    let Some(addr) = addr else {
        return by_folder(surroundings, None, args.max_age);
    };
    let served = format!("http://{addr}");
    match ask(&ready_url(&served)).await {
        Asked::Says(reasons) => Judged { source: served, reasons },
        Asked::Nobody(_) => by_folder(surroundings, Some(&served), args.max_age),
    }
}

/// The address of a service's readiness; a path that is given stays.
fn ready_url(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { url.to_owned() } else { format!("{url}/readyz") }
}

async fn ask(url: &str) -> Asked {
    let nobody = |said: &dyn std::error::Error| Asked::Nobody(crate::pipeline::chain(said));
    let client = reqwest::Client::builder()
        .timeout(ASK_TIMEOUT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return nobody(&error),
    };
    let mut reply = match client.get(url).send().await {
        Ok(reply) => reply,
        Err(error) => return nobody(&error),
    };
    let mut body = Vec::new();
    while body.len() < ANSWER_MAX {
        match reply.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => break,
            Err(error) => return nobody(&error),
        }
    }
    let status = reply.status();
    read(&body)
        .unwrap_or_else(|| Asked::Nobody(format!("what answers with status {status} is not log-ingestion")))
}

/// Reads an answer of `/readyz`; `None` for any other.
fn read(body: &[u8]) -> Option<Asked> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let ready = answer.get("ready")?.as_bool()?;
    let reasons = answer.get("reasons")?.as_array()?;
    let mut reasons: Vec<String> = reasons.iter().filter_map(|r| r.as_str().map(str::to_owned)).collect();
    if !ready && reasons.is_empty() {
        reasons.push("it does not say why".to_owned());
    }
    Some(Asked::Says(reasons))
}

fn by_folder(surroundings: &Surroundings, served: Option<&str>, max_age: Duration) -> Judged {
    let output_dir = match settings::output_dir(&surroundings.layers) {
        Ok(output_dir) => output_dir,
        Err(error) => {
            let nobody = served.map(|served| format!("nobody answers at {served}"));
            let reasons = nobody.into_iter().chain([error.to_string()]).collect();
            return Judged { source: "the settings".to_owned(), reasons };
        }
    };
    let disk = || Arc::clone(&surroundings.disk);
    let note = NoteFile::of(disk(), &output_dir).load().and_then(|text| LastPass::read(&text));
    let (states, _damaged) = StateDir::of(disk(), &output_dir).load().unwrap_or_default();
    let reasons = complaints(note.as_ref(), &states, served, max_age, surroundings.clock.now());
    Judged { source: output_dir.display().to_string(), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_readiness() {
        for (url, want) in [
            ("http://127.0.0.1:9464", "http://127.0.0.1:9464/readyz"),
            ("http://127.0.0.1:9464/", "http://127.0.0.1:9464/readyz"),
            ("https://host/prefix/readyz", "https://host/prefix/readyz"),
        ] {
            assert_eq!(ready_url(url), want);
        }
    }

    #[test]
    fn only_the_answer_of_a_service_is_one() {
        for other in ["", "ok", "{}", "<html>", r#"{"ready":"yes","reasons":[]}"#, r#"{"ready":true}"#] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
        let says = |text: &str| match read(text.as_bytes()) {
            Some(Asked::Says(reasons)) => reasons,
            Some(Asked::Nobody(_)) | None => panic!("{text}"),
        };
        assert!(says(r#"{"ready":true,"reasons":[]}"#).is_empty());
        assert_eq!(says(r#"{"ready":false,"reasons":["key: no"]}"#), ["key: no"]);
        assert_eq!(says(r#"{"ready":false,"reasons":[]}"#).len(), 1);
    }
}
