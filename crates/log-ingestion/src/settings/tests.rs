use std::collections::BTreeMap;

use super::*;

fn layers(environment: &[(&str, &str)]) -> Layers {
    let base = [
        ("RAPID7_API_KEY", "k-123"),
        ("RAPID7_API_ENDPOINT", "http://127.0.0.1:1"),
        ("OUTPUT_DIR", "/data/logs"),
    ];
    let values = base.iter().chain(environment).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Layers { environment: values, ..Layers::default() }
}

#[track_caller]
fn fault(environment: &[(&str, &str)]) -> String {
    Settings::resolve(&layers(environment)).unwrap_err().to_string()
}

#[test]
fn the_runbooks_defaults_hold() {
    let settings = Settings::resolve(&layers(&[])).unwrap();
    assert_eq!((settings.batch_size, settings.rate_limit, settings.retry_attempts), (1_000, 60, 3));
    assert_eq!((settings.codec, settings.log.level), (Codec::Snappy, LogLevel::Info));
    assert_eq!(settings.settle_delay, Duration::from_secs(300));
}

#[test]
fn the_runbooks_ranges_hold() {
    let ranges = [("BATCH_SIZE", 100, 10_000), ("RATE_LIMIT", 1, 1_000), ("RETRY_ATTEMPTS", 1, 10)];
    for (name, low, high) in ranges {
        for good in [low, high] {
            assert!(Settings::resolve(&layers(&[(name, &good.to_string())])).is_ok(), "{name}={good}");
        }
        for bad in [(low - 1).to_string(), (high + 1).to_string(), "many".to_owned(), "-1".to_owned()] {
            let said = fault(&[(name, &bad)]);
            assert!(
                said.contains(name) && said.contains(&bad) && said.contains(&format!("{low} to {high}")),
                "{said}"
            );
        }
    }
    for codec in ["snappy", "gzip", "brotli", "none", "zstd", "lz4", "SNAPPY"] {
        assert!(Settings::resolve(&layers(&[("PARQUET_COMPRESSION", codec)])).is_ok(), "{codec}");
    }
    for level in ["DEBUG", "INFO", "WARNING", "ERROR"] {
        assert!(Settings::resolve(&layers(&[("LOG_LEVEL", level)])).is_ok(), "{level}");
    }
}

#[test]
fn every_fault_is_reported_at_once_and_the_key_never() {
    let said = fault(&[
        ("BATCH_SIZE", "5"),
        ("LOG_LEVEL", "LOUD"),
        ("RAPID7_API_KEY", "se cret"),
        ("OUTPUT_DIR", "s3://b/p"),
    ]);
    for part in ["4 settings", "BATCH_SIZE", "LOG_LEVEL", "\"LOUD\"", "RAPID7_API_KEY", "OUTPUT_DIR"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("cret"), "{said}");
}

#[test]
fn of_a_url_what_may_be_secret_is_not_shown() {
    let said = fault(&[("RAPID7_API_ENDPOINT", "https://me:se-cret@host.example/p?api_key=se-cret")]);
    assert!(said.contains("https://(not shown)@host.example/p?(not shown)"), "{said}");
    assert!(!said.contains("cret"), "{said}");
    assert_eq!(
        shown("https://eu.rest.logs.insight.rapid7.com/v1"),
        "https://eu.rest.logs.insight.rapid7.com/v1"
    );
    assert_eq!(shown("/data/logs?x@y"), "/data/logs?x@y");
}

#[test]
fn what_must_be_given_is_asked_for() {
    let said = Settings::resolve(&Layers::default()).unwrap_err().to_string();
    for part in
        ["RAPID7_API_KEY: it is not set", "RAPID7_API_ENDPOINT: it is not set", "OUTPUT_DIR: it is not set"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    assert!(fault(&[("RAPID7_API_ENPOINT", "x")]).contains("did you mean RAPID7_API_ENDPOINT?"));
    assert!(fault(&[("RAPID7_APIKEY", "x")]).contains("did you mean RAPID7_API_KEY?"));
}

#[test]
fn flags_win_over_the_environment_and_it_over_the_file() {
    let one = |value: &str| BTreeMap::from([("RATE_LIMIT".to_owned(), value.to_owned())]);
    let mut layers = layers(&[]);
    assert_eq!(Settings::resolve(&layers).unwrap().rate_limit, 60);
    layers.env_file = Some(EnvFile { values: one("10"), ..EnvFile::default() });
    assert_eq!(Settings::resolve(&layers).unwrap().rate_limit, 10);
    layers.environment.extend(one("20"));
    assert_eq!(Settings::resolve(&layers).unwrap().rate_limit, 20);
    layers.flags = one("30");
    assert_eq!(Settings::resolve(&layers).unwrap().rate_limit, 30);
}

#[test]
fn the_endpoint_tells_the_protocol_unless_it_is_set() {
    let csv = layers(&[("RAPID7_API_ENDPOINT", "https://api.rapid7.com/v1")]);
    assert_eq!(Settings::resolve(&csv).unwrap().protocol, Protocol::CsvPages);
    let forced = layers(&[("RAPID7_API_PROTOCOL", "csv-pages")]);
    assert_eq!(Settings::resolve(&forced).unwrap().protocol, Protocol::CsvPages);
}

#[test]
fn pin_files_are_settings() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("app.json", r#"{"types":{"id":"text"}}"#);
    write("notes.txt", "no pin");
    let settings = Settings::resolve(&layers(&[("PINS_DIR", at)])).unwrap();
    let log = |name: &str| ingest_core::ledger::LogState::new(ingest_core::ids::LogId::new("1"), name);
    assert!(settings.pins.of(&log("app")).is_some_and(|pin| pin.types.len() == 1));
    assert_eq!(settings.pins.of(&log("other")), None);
    write("fw.json", r#"{"format":"yaml"}"#);
    write("sshd.json", "{");
    let said = fault(&[("PINS_DIR", at)]);
    assert!(
        said.contains("PINS_DIR: fw.json: \"format\"") && said.contains("PINS_DIR: sshd.json: "),
        "{said}"
    );
    let said = fault(&[("PINS_DIR", folder.path().join("absent").to_str().unwrap())]);
    assert!(said.contains("PINS_DIR: ") && said.contains("absent"), "{said}");
}

#[test]
fn the_minimum_of_the_disk_is_a_share_or_bytes_or_none() {
    let minimum =
        |text: &str| Settings::resolve(&layers(&[("MIN_FREE_DISK", text)])).map(|s| s.min_free_disk);
    assert_eq!(Settings::resolve(&layers(&[])).unwrap().min_free_disk, MinFree::Percent(5));
    for (text, want) in [
        ("1%", MinFree::Percent(1)),
        ("99 %", MinFree::Percent(99)),
        ("10GB", MinFree::Bytes(10_000_000_000)),
        ("500MiB", MinFree::Bytes(500 << 20)),
        ("2 tib", MinFree::Bytes(2 << 40)),
        ("4096", MinFree::Bytes(4_096)),
        ("7B", MinFree::Bytes(7)),
        ("0", MinFree::Nothing),
        ("0%", MinFree::Nothing),
        ("0GB", MinFree::Nothing),
    ] {
        assert_eq!(minimum(text).unwrap(), want, "{text}");
    }
    for wrong in ["100%", "256%", "5 percent", "-1", "1.5GB", "GB", "99999999999TB"] {
        assert!(fault(&[("MIN_FREE_DISK", wrong)]).contains("MIN_FREE_DISK"), "{wrong}");
    }
}

#[test]
fn settings_are_read_again_with_what_a_service_manager_took_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.env");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("RAPID7_API_KEY=old\nRATE_LIMIT=10\nBATCH_SIZE=200\n");
    let mut started = Layers::collect(BTreeMap::new(), Some(&path)).unwrap();
    // As systemd's EnvironmentFile= does, and a variable that is the manager's own.
    let environment = [("RAPID7_API_KEY", "old"), ("RATE_LIMIT", "10"), ("WINDOW_ROWS", "5000")];
    started.environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let key = |layers: &Layers| FoundKey::find(layers).unwrap().key.reveal().to_owned();
    let same = started.again().unwrap();
    assert_eq!((key(&same).as_str(), started.differing(&same)), ("old", Vec::new()));
    write("RAPID7_API_KEY=new\nRATE_LIMIT=20\nWINDOW_ROWS=9000\nMETRICS_TOKEN=0123456789abcdef\n");
    let later = started.again().unwrap();
    assert_eq!(key(&later), "new");
    // The manager's own value wins, before and after.
    assert_eq!(started.differing(&later), ["BATCH_SIZE", "RATE_LIMIT", "METRICS_TOKEN"]);
    std::fs::remove_file(&path).unwrap();
    assert!(started.again().is_err(), "a file that is gone is no empty file");
}

#[test]
fn the_log_file_is_known_though_other_settings_are_wrong() {
    let log = LogSettings::resolve(&layers(&[("LOG_FILE", "/var/log/x.log"), ("LOG_LEVEL", "LOUD")]));
    assert_eq!(log.file, Some(PathBuf::from("/var/log/x.log")));
    assert_eq!(LogSettings::resolve(&layers(&[])).file, None);
}
