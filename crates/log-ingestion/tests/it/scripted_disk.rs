//! The whole pipeline on a simulated disk: every operation goes through it, in the same order in every run.

use std::path::Path;

use bytes::Bytes;
use ingest_core::time::Timestamp;
use ingest_store::layout::FileName;
use ingest_store::scripted::ScriptedDisk;
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Ingest, Outside};
use log_ingestion::pipeline::Cpu;
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};
use tokio_util::sync::CancellationToken;

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::scenario::{self, NOW, Scenario};
use crate::simulation::story::tail;

fn scenario() -> Scenario {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let logs = vec![LogSpec::generated("web".to_owned(), Kind::Mixed, 1_500)];
    Scenario::new(SimConfig { seed: 7, to_ms, logs, ..SimConfig::default() }).with("WINDOW_ROWS", "1000")
}

/// One pass on a disk; how it ends, unless it could not even begin.
fn pass_on(disk: &ScriptedDisk) -> Option<Exit> {
    in_virtual_time(async {
        let scenario = scenario();
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        let outside = Outside { disk: disk.shared(), cpu: Cpu::Inline, ..scenario::outside(&sim, &clock) };
        let ingest = Ingest::open(scenario::settings(&scenario, Path::new("/out")), &outside).ok()?;
        let report = ingest.pass(tail(), &CancellationToken::new()).await;
        Some(report.ok()?.exit())
    })
}

/// Rows of all committed files, each of which is whole.
#[track_caller]
pub(crate) fn rows(disk: &ScriptedDisk, context: &str) -> u64 {
    let files = disk.files().into_iter().filter(|path| !path.starts_with("/out/_staging"));
    let named = files.filter_map(|path| FileName::parse(&path).map(|name| (path, name)));
    let rows = named.map(|(path, name)| {
        let facts = ingest_tabular::read_back(&Bytes::from(disk.bytes(&path).unwrap())).expect(context);
        assert_eq!(facts.rows, name.rows, "{context}");
        name.rows
    });
    rows.sum()
}

#[test]
fn the_same_run_asks_the_same_of_the_disk_byte_for_byte() {
    let run = || {
        let disk = ScriptedDisk::new();
        assert_eq!(pass_on(&disk), Some(Exit::Done));
        let history: Vec<String> = disk.history().iter().map(ToString::to_string).collect();
        let files: Vec<_> = disk.files().iter().map(|path| (path.clone(), disk.bytes(path))).collect();
        assert!(rows(&disk, "clean") > 0);
        (history, files)
    };
    assert_eq!(run(), run());
}
