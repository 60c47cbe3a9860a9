//! Shapes and types that a person fixed before a log's first window.

use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};

use crate::scenario::{NOW, Scenario, judge, run};
use crate::stored;

#[test]
fn pinned_names_and_types_hold_and_what_breaks_them_is_rescued() {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let sim = SimConfig { to_ms, ..SimConfig::default() };
    let sim = sim.with_log(LogSpec::generated("app", Kind::Json, 300));
    let sim = sim.with_log(LogSpec::generated("raw", Kind::Json, 300));
    let pins = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(pins.path().join(name), text).unwrap();
    write("app.json", r#"{"format":"json","types":{"absent":"int64"}}"#);
    write("raw.json", r#"{"format":"text","types":{"message":"int64"}}"#);
    let scenario = Scenario::new(sim).with("PINS_DIR", pins.path().to_str().unwrap());
    let ran = run(&scenario);
    judge(&ran, "pinned");
    for (log, seen) in stored::read(ran.output.path()) {
        for columns in &seen.columns {
            let app = log.contains("app");
            assert_eq!(columns.contains_key("absent"), app, "{log}: {columns:?}");
            assert_eq!(columns.contains_key("message"), !app, "{log}: {columns:?}");
        }
    }
}
