//! Quotas, waits, retries and the circuit breaker, as the service at the other end sees them, in virtual time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::bounds::RequestSpan;
use ingest_core::ids::LogId;
use ingest_core::quota::Class;
use ingest_core::time::Timestamp;
use ingest_source::clock::Clock as _;
use ingest_source::transport::{ApiKey, KeySlot, Transport};
use ingest_source::watch::Unwatched;
use ingest_source::{Client, ClientOptions, Endpoint, Protocol, SourceError};
use log_ingestion::exit::Exit;
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};
use tokio_util::sync::CancellationToken;

use crate::account::{ORIGIN, SimTransport, VirtualClock, in_virtual_time};
use crate::program::{self, Running, SimServer, cpu_ticks};
use crate::scenario::{NOW, Place, Ran, Scenario, judge, run, run_once};
use crate::simulation::story::tail;

fn sim(faults: &[&str]) -> SimConfig {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let sim = SimConfig { to_ms, ..SimConfig::default() };
    let mut sim = sim.with_log(LogSpec::generated("fw", Kind::Csv, 3_000));
    for fault in faults {
        sim.faults.add(fault).unwrap();
    }
    sim
}

fn status(ran: &Ran, class: &str, status: u16) -> u64 {
    let stats = ran.sim.account.lock().unwrap().stats();
    stats.requests.get(class).and_then(|by_status| by_status.get(&status)).copied().unwrap_or(0)
}

/// A client of its own, and the account behind it, in a runtime whose time is virtual.
fn with_client<F: Future<Output = ()>>(
    sim: SimConfig,
    retries: u32,
    test: impl FnOnce(Client, SimTransport) -> F,
) {
    in_virtual_time(async {
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let options = ClientOptions {
            endpoint: Endpoint::parse(ORIGIN).unwrap(),
            protocol: Protocol::LogSearch,
            key: KeySlot::new(ApiKey::new(&sim.api_key)),
            requests_per_minute: 1_000,
            retries,
            seed: 7,
            watch: Arc::new(Unwatched),
        };
        let transport = SimTransport::new(sim, &clock);
        let shared: Arc<dyn Transport> = Arc::new(transport.clone());
        test(Client::new(options, shared, Arc::new(clock)), transport).await;
    });
}

async fn count(client: &Client, sim: &SimTransport) -> Result<u64, SourceError> {
    let log = LogId::new(&sim.account.lock().unwrap().truth()[0].id);
    let now = Timestamp::parse(NOW).unwrap();
    let span = RequestSpan { from: now.plus_millis(-86_400_000), to: now };
    client.count(&log, span, 1).await.map(|reply| reply.total)
}

#[test]
fn retry_after_wins_on_a_503_in_both_forms_whatever_the_servers_clock_says() {
    for fault in ["http_503_retry_after", "http_503_retry_after_date"] {
        for skew in ["", "clock_skew=1.0"] {
            // A date is as wrong as the clock of who wrote it, which only the Date header tells.
            let faults: Vec<String> = [format!("{fault}:statistics@1"), skew.to_owned()].into();
            let faults: Vec<&str> =
                faults.iter().map(String::as_str).filter(|fault| !fault.is_empty()).collect();
            let mut config = sim(&faults);
            config.faults.retry_after_s = 120;
            with_client(config, 1, |client, sim| async move {
                assert_eq!(count(&client, &sim).await.unwrap(), 3_000);
                let sent = sim.sent.lock().unwrap();
                let waited = sent[1].at.millis() - sent[0].at.millis();
                assert!((119_000..122_000).contains(&waited), "{fault}: {waited} ms");
            });
        }
    }
}

#[test]
fn a_429_in_mid_poll_that_outlives_the_query_is_waited_out_and_the_query_submitted_again() {
    let mut config = sim(&["rate_limit_during_poll_longer_than_expiry@2"]);
    config.semantics.set("submit_answer", "202").unwrap();
    let ran = run_once(&Scenario::new(config).with("FETCH_MODE", "query"));
    judge(&ran, "a blocked poll");
    assert_eq!(status(&ran, "poll", 404), 0, "no dead query was polled");
    assert_eq!(status(&ran, "poll", 429), 1, "and no poll sent before its time");
}

#[test]
fn polls_are_reserved_in_the_servers_budget_before_a_query_starts() {
    let mut config = sim(&[]);
    config.semantics.set("submit_answer", "202-every-page").unwrap();
    config.quotas.set("poll", "12").unwrap();
    let ran = run(&Scenario::new(config).with("FETCH_MODE", "query").with("WINDOW_ROWS", "1000"));
    judge(&ran, "a small budget of polls");
    assert_eq!((status(&ran, "poll", 429), status(&ran, "poll", 404)), (0, 0));
}

#[test]
fn a_server_that_names_no_quota_is_found_out_about_and_obeyed() {
    let mut config = sim(&[]);
    for switch in ["rate_headers", "retry_after"] {
        config.semantics.set(switch, "absent").unwrap();
    }
    config.quotas.set("query", "5").unwrap();
    config.quotas.set("window", "60").unwrap();
    let ran = run(&Scenario::new(config).with("FETCH_MODE", "query").with("BATCH_SIZE", "100"));
    judge(&ran, "without headers");
    let (limited, answered) = (status(&ran, "next", 429), status(&ran, "next", 200));
    assert!(limited < answered, "{limited} 429s for {answered} pages");
}

#[test]
fn a_window_has_a_bounded_number_of_retries_and_only_it_fails() {
    with_client(sim(&["http_500:statistics=0.7"]), 10, |client, sim| async move {
        let window = client.for_window();
        let mut answered = 0;
        let error = loop {
            match count(&window, &sim).await {
                Ok(_) => answered += 1,
                Err(error @ SourceError::RetriesSpent { .. }) => break error,
                Err(SourceError::CircuitOpen { .. } | SourceError::Exhausted { .. }) => {
                    tokio::time::sleep(Duration::from_secs(400)).await;
                }
                Err(other) => panic!("{other}"),
            }
            assert!(answered < 1_000, "the retries never end");
        };
        assert!(error.to_string().contains("the window's retries are spent"), "{error}");
        let failed = sim.account.lock().unwrap().stats().requests["statistics"][&500];
        assert!(failed < 10 * 10 + answered, "{failed} failures");
        // Another window has its own.
        while let Err(SourceError::CircuitOpen { .. }) = count(&client.for_window(), &sim).await {
            tokio::time::sleep(Duration::from_secs(400)).await;
        }
    });
}

#[test]
fn a_dead_endpoint_is_left_alone_and_found_alive_by_one_probe() {
    with_client(sim(&["http_500:statistics=1.0/13"]), 3, |client, sim| async move {
        let sent = || sim.sent.lock().unwrap().len();
        let circuit = |client: &Client| client.snapshot()[0].circuit_open_until;
        for _ in 0..2 {
            assert!(matches!(count(&client, &sim).await, Err(SourceError::Exhausted { .. })));
        }
        assert_eq!((sent(), circuit(&client)), (8, None));
        let opened = count(&client, &sim).await;
        let Err(SourceError::CircuitOpen { class: "query", until }) = opened else { panic!("{opened:?}") };
        assert_eq!((sent(), circuit(&client)), (10, Some(until)));
        for _ in 0..20 {
            assert!(matches!(count(&client, &sim).await, Err(SourceError::CircuitOpen { .. })));
        }
        assert_eq!(sent(), 10, "nothing is sent while it is open");
        // Other endpoints are not its concern.
        client.logs(false).await.unwrap();
        let mut probes = sent();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(301)).await;
            assert!(matches!(count(&client, &sim).await, Err(SourceError::CircuitOpen { .. })));
            probes += 1;
            assert_eq!(sent(), probes, "one probe");
        }
        tokio::time::sleep(Duration::from_secs(301)).await;
        assert_eq!(count(&client, &sim).await.unwrap(), 3_000);
        assert_eq!(circuit(&client), None);
    });
}

#[test]
fn a_pass_against_a_dead_api_ends_soon_with_its_windows_open() {
    let mut config = sim(&["http_503:statistics=1.0"]);
    for n in 0..12 {
        config.logs.push(LogSpec::generated(format!("more{n}"), Kind::Json, 10));
    }
    let ran = run_once(&Scenario::new(config));
    assert_eq!(ran.report.exit(), Exit::TryLater);
    assert_eq!(ran.report.logs.len(), 13);
    assert!(ran.report.logs.iter().all(|log| log.open > 0), "{:?}", ran.report);
    let sent = ran.sim.sent.lock().unwrap().len();
    assert!(sent <= 1 + 10 + 8, "{sent} requests: those under way when the circuit opened, and no more");
}

#[test]
fn a_snapshot_says_what_is_left_and_an_estimate_how_long_it_takes() {
    let mut config = sim(&[]);
    config.quotas.set("query", "20").unwrap();
    with_client(config, 1, |client, sim| async move {
        count(&client, &sim).await.unwrap();
        let snapshot = client.snapshot();
        let query = snapshot.iter().find(|state| state.class == Class::Query).unwrap();
        assert_eq!((query.budget.limit, query.budget.remaining), (20, 19));
        assert_eq!(client.eta(Class::Query, 0, 500), Duration::ZERO);
        // 19 requests in this window, 20 in each of the next: the 100th goes out in the sixth.
        let hours = client.eta(Class::Query, 50_000, 500);
        assert!(
            hours > Duration::from_secs(4 * 900) && hours < Duration::from_secs(5 * 900 + 1),
            "{hours:?}"
        );
    });
}

#[test]
fn a_refused_key_ends_a_pass_at_once() {
    let ran = run_once(&Scenario::new(sim(&["key_revoked_mid_run:statistics@1"])));
    assert_eq!(ran.report.exit(), Exit::KeyRefused);
    let sent = ran.sim.sent.lock().unwrap();
    assert_eq!(sent.iter().filter(|one| one.status == 401).count(), 1, "{sent:?}");
}

/// A pass against a server whose quota lasts for a few requests only, stopped after a while; how it ended, how long it took,
/// how often it did something, and how many requests it sent.
fn pass_short_of_quota(stopped_after: Duration) -> (Ran, Duration, u64) {
    let mut config = sim(&[]);
    config.quotas.set("query", "5").unwrap();
    let scenario = Scenario::new(config).with("FETCH_MODE", "query").with("BATCH_SIZE", "100");
    in_virtual_time(async {
        let place = Place::of(&scenario);
        let ingest = place.open();
        let (stop, began) = (CancellationToken::new(), place.clock.now());
        let mut polls = 0_u64;
        let mut pass = pin!(ingest.pass(tail(), &stop));
        let counted = std::future::poll_fn(|context| {
            polls += 1;
            pass.as_mut().poll(context)
        });
        let stopped = async {
            tokio::time::sleep(stopped_after).await;
            stop.cancel();
        };
        let (report, ()) = tokio::join!(counted, stopped);
        let took = Duration::from_millis(place.clock.now().millis().abs_diff(began.millis()));
        (place.ran(report.unwrap(), 1), took, polls)
    })
}

#[test]
fn a_stop_ends_a_wait_for_quota_at_once_and_no_window_is_said_to_have_failed() {
    let (ran, took, _) = pass_short_of_quota(Duration::from_secs(60));
    assert!(took < Duration::from_secs(61), "{took:?}");
    assert_eq!(ran.report.exit(), Exit::TryLater);
    let log = &ran.report.logs[0];
    assert!(log.cut_short && log.open == 0 && log.last_error.is_none(), "{log:?}");
}

/// Hours of waiting for a quota cost no work: what is done is done for requests.
#[test]
fn a_pass_that_waits_for_quota_sleeps_until_it_is_there() {
    let (ran, took, polls) = pass_short_of_quota(Duration::from_secs(86_400));
    judge(&ran, "short of quota");
    assert!(took > Duration::from_secs(5 * 900), "{took:?}");
    let sent = ran.sim.sent.lock().unwrap().len() as u64;
    assert!(polls < 20 * sent + 100, "{polls} steps for {sent} requests");
}

/// Ticks of processor time, 10 ms each, that a process may use while it waits for two seconds: it has timers.
const WAITING_TICKS_MAX: u64 = 3;

#[test]
#[expect(clippy::disallowed_methods, reason = "waits while another process does nothing")]
fn a_process_that_waits_for_quota_uses_no_processor_and_a_stop_ends_it() {
    let mut config = SimConfig::default().with_log(LogSpec::generated("fw", Kind::Csv, 3_000));
    config.quotas.set("query", "3").unwrap();
    let server = SimServer::start(config);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = ["--fetch-mode", "query", "--shutdown-grace", "1h"];
    let mut running = Running::start(program::run(&server, &output, &words));
    running.until("\"event\":\"rate_limit\"");
    // What it does before it sleeps is done.
    std::thread::sleep(Duration::from_millis(300));
    let before = cpu_ticks(running.pid());
    std::thread::sleep(Duration::from_secs(2));
    let used = cpu_ticks(running.pid()) - before;
    assert!(used <= WAITING_TICKS_MAX, "{used} ticks");
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(75), "{said}");
}
