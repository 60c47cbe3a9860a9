//! Checks of the settings as a whole, of the service's log, of memory and of versions.

use super::folder::bytes;
use super::{Finding, fail, ok, some, unknown, warn};
use crate::commands::doctor::facts::Facts;
use crate::settings::SETTINGS;

/// Resident memory of the service above which something is wrong. Source: runbook, "Memory Usage High".
const SERVICE_BYTES: u64 = 1 << 30;
/// Memory that the machine should have left: what one row group and its buffers take.
const AVAILABLE_BYTES: u64 = 256 << 20;
/// Part of its limit that the service may take before it is close to it, in percent.
const LIMIT_PERCENT: u64 = 90;
/// What this build calls itself in the files that it writes.
const TOOL: &str = concat!("log-ingestion ", env!("CARGO_PKG_VERSION"));

pub(super) fn settings(facts: &Facts) -> Finding {
    let settings = &facts.settings;
    if !settings.faults.is_empty() {
        return fail(
            settings.faults.join("; "),
            "correct them; log-ingestion config shows all with what is allowed",
        );
    }
    if !settings.strangers.is_empty() {
        return warn(
            format!(".env has names that are no setting: {}", some(&settings.strangers, ", ")),
            "correct the name if it was meant for this program",
        );
    }
    ok(format!("{} settings can be used", SETTINGS.len()))
}

pub(super) fn log(facts: &Facts) -> Finding {
    let settings = &facts.settings;
    if let Some(file) = &settings.log_file
        && let Some(fault) = &file.fault
    {
        return fail(
            format!("LOG_FILE {} cannot be written: {fault}", file.path),
            "give it, or its folder, to the service's user",
        );
    }
    if settings.debug {
        return warn(
            "LOG_LEVEL=DEBUG writes several lines a window",
            "set LOG_LEVEL=INFO once you have seen what you looked for",
        );
    }
    match &settings.log_file {
        Some(file) => ok(format!("goes to {}", file.path)),
        None => ok("goes to standard output"),
    }
}

pub(super) fn memory(facts: &Facts) -> Finding {
    let machine = &facts.machine;
    let next =
        "lower PARALLEL_WINDOWS and WINDOW_ROWS; log-ingestion bench shows what this build takes by itself";
    if let Some(used) = machine.service_bytes {
        let limit = machine.limit_bytes.unwrap_or(u64::MAX);
        if used / LIMIT_PERCENT > limit / 100 {
            return fail(
                format!("the service takes {} of the {} that it may have", bytes(used), bytes(limit)),
                next,
            );
        }
        if used > SERVICE_BYTES {
            return warn(format!("the service takes {}", bytes(used)), next);
        }
    }
    let Some(available) = machine.available_bytes else { return unknown("the kernel does not say") };
    if available < AVAILABLE_BYTES {
        return warn(
            format!("this machine has {} left", bytes(available)),
            "end what else takes memory, or add some",
        );
    }
    let service = match machine.service_bytes {
        Some(used) => format!("the service takes {}", bytes(used)),
        None => "no service of this machine works on the folder".to_owned(),
    };
    ok(format!("{service}; {} are left", bytes(available)))
}

pub(super) fn version(facts: &Facts) -> Finding {
    let oldest = facts.folder.as_ref().and_then(|folder| folder.oldest_tool.as_deref());
    match oldest {
        None => ok(TOOL),
        Some(TOOL) => ok(format!("{TOOL}, as the oldest file")),
        Some(other) => ok(format!("{TOOL}; the oldest file was written by {other}, which this build reads")),
    }
}
