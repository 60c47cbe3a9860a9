//! Plans, chances and names of faults.

use super::*;

#[test]
fn flags_read_as_plans() {
    let check = |text: &str, name: FaultName, want: Trigger| {
        let mut faults = Faults::default();
        faults.add(text).unwrap();
        assert_eq!(faults.triggers.get(&name), Some(&want), "{text}");
    };
    check("html_200=0.05", FaultName::Html200, Trigger::rate(0.05));
    check("http_503@3", FaultName::Http503, Trigger::at([3]));
    check("http_503@3,7/1", FaultName::Http503, Trigger::at([3, 7]).at_most(1));
    let download = Trigger::rate(0.1).at_most(5).only(RequestClass::Download);
    check("http_503:download=0.1/5", FaultName::Http503, download);
    for bad in ["html_200", "nope=0.1", "html_200=2", "html_200@x", "html_200@1/x", "html_200:zebra@1"] {
        assert!(Faults::default().add(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_fault_counts_only_the_requests_it_fits() {
    let faults = Faults::default().with(FaultName::DownloadCut, Trigger::at([2]));
    let mut book = FaultBook::new(7, faults);
    let mut struck = |class| book.strike(class).has(FaultName::DownloadCut);
    assert!(!struck(RequestClass::Download));
    assert!(!struck(RequestClass::Submit));
    assert!(struck(RequestClass::Download));
    assert!(!struck(RequestClass::Download));
}

#[test]
fn rates_are_met_repeat_and_stop_at_their_limit() {
    let run = |limit: Option<u64>| {
        let mut trigger = Trigger::rate(0.1);
        trigger.limit = limit;
        let mut book = FaultBook::new(7, Faults::default().with(FaultName::Http500, trigger));
        let hits = (0..1_000).map(|_| {
            let struck = book.strike(RequestClass::Poll);
            book.fires(&struck, FaultName::Http500)
        });
        hits.collect::<Vec<bool>>()
    };
    let hits = run(None).iter().filter(|hit| **hit).count();
    assert!((60..140).contains(&hits), "{hits}");
    assert_eq!(run(None), run(None));
    assert_eq!(run(Some(5)).iter().filter(|hit| **hit).count(), 5);
}

#[test]
fn names_read_back() {
    for info in FAULTS {
        assert_eq!(info.name.parse(), Ok(info.fault));
        assert_eq!(info.fault.name(), info.name);
    }
}
