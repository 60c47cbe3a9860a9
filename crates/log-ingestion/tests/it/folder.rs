//! What can happen to the output folder of a real process: full, read-only, removed or replaced under way, wanted by
//! several at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::mounts::{own_mounts, rights_count};
use crate::program::{Running, SimServer, behind, complete, note, outcome, run};
use crate::scenario::judge_folder;
use crate::stored;

const WORDS: [&str; 4] = ["--settle-delay", "0s", "--window-rows", "1000"];

fn server(config: SimConfig) -> SimServer {
    let web = LogSpec::generated("web", Kind::Access, 20_000);
    SimServer::start(config.with_log(web).with_log(LogSpec::generated("odd", Kind::Odd, 2_000)))
}

/// A server whose downloads begin late, so that windows are in flight when something happens.
fn slow_server() -> SimServer {
    let mut config = SimConfig::default();
    config.faults.add("slow_first_byte:download=1.0").unwrap();
    config.faults.slow_first_byte_ms = 150;
    server(config)
}

/// One run on a disk of `size`, then one on the same disk with room; copies of the folder after each.
const ON_A_SMALL_DISK: &str = r#"
disk=$1 size=$2 copies=$3; shift 3
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 99
"$@" > "$copies/full.log" 2>&1; echo $? > "$copies/full.code"
[ -d "$disk/out" ] && cp -a "$disk/out" "$copies/full"
mount -o remount,size=256m "$disk" || exit 99
"$@" > "$copies/roomy.log" 2>&1; echo $? > "$copies/roomy.code"
cp -a "$disk/out" "$copies/roomy"
"#;

/// The sizes strike at different files: the ledger, the first file, a later one, the spool of a large window.
const FULL_DISKS: [(&str, &str); 5] =
    [("4k", "1000"), ("48k", "1000"), ("300k", "1000"), ("900k", "1000"), ("1m", "100000")];

#[test]
fn a_full_disk_leaves_no_damaged_file_and_windows_that_are_done_once_there_is_room() {
    let Some(way) = own_mounts() else {
        note("NOT TRIED: nothing can be mounted here; a limit on the size of files stands for a full disk");
        return a_limit_on_files_leaves_no_damaged_file_and_a_window_that_is_done_later();
    };
    let server = server(SimConfig::default());
    for (size, window_rows) in FULL_DISKS {
        let folder = tempfile::tempdir().unwrap();
        let (disk, copies) = (folder.path().join("disk"), folder.path().join("copies"));
        fs::create_dir(&disk).unwrap();
        fs::create_dir(&copies).unwrap();
        let words = ["--settle-delay", "0s", "--window-rows", window_rows, "--fetch-mode", "download"];
        let command = run(&server, &disk.join("out"), &words);
        let paths = [disk.to_str().unwrap(), size, copies.to_str().unwrap()];
        let mut script = behind(&[&way[..], &["sh", "-c", ON_A_SMALL_DISK, "sh"], &paths].concat(), &command);
        // The disk hides the folder that the shell would stand in.
        let (code, text) = outcome(script.current_dir(folder.path()));
        assert_eq!(code, 0, "{size}: {text}");
        let read = |name: &str| fs::read_to_string(copies.join(name)).unwrap();
        let said = read("full.log");
        assert_eq!(read("full.code").trim(), "75", "{size}: {said}");
        assert!(said.contains("No space left on device"), "{size}: {said}");
        // Reads every visible file.
        stored::read(&copies.join("full"));
        assert_eq!(read("roomy.code").trim(), "0", "{size}: {}", read("roomy.log"));
        judge_folder(&server.account.lock().unwrap(), &copies.join("roomy"), size);
    }
}

#[test]
fn a_limit_on_files_leaves_no_damaged_file_and_a_window_that_is_done_later() {
    let server =
        SimServer::start(SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 20_000)));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = ["--settle-delay", "0s"];
    let command = run(&server, &output, &words);
    // Writes fail in the middle of a file, as on a disk that is full.
    let limit = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let (code, text) = outcome(&mut behind(&["sh", "-c", limit], &command));
    assert_eq!(code, 75, "{text}");
    assert!(text.contains("File too large") && text.contains("stays open"), "{text}");
    assert!(stored::files(&output, "parquet").is_empty());
    complete(&server, &output, &words);
    judge_folder(&server.account.lock().unwrap(), &output, "after the disk was full");
}

/// Runs a command that must not be able to write below `place`, whoever the user is.
fn read_only(place: &Path, command: &Command) -> Option<(i32, String)> {
    if let Some(way) = own_mounts() {
        let script =
            "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && cd \"$0\" && exec \"$@\"";
        return Some(outcome(&mut behind(
            &[&way[..], &["sh", "-c", script, place.to_str()?]].concat(),
            command,
        )));
    }
    let rights = |mode| fs::set_permissions(place, fs::Permissions::from_mode(mode)).ok();
    rights(0o555)?;
    let ran = rights_count(place).then(|| outcome(&mut behind(&["env"], command)));
    rights(0o755)?;
    ran
}

#[test]
fn a_read_only_folder_is_named_and_ends_with_78_and_is_used_once_it_can_be_written() {
    let server = server(SimConfig::default());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let command = run(&server, &output, &WORDS);
    for round in ["before the first run", "after a run"] {
        let Some((code, text)) = read_only(folder.path(), &command) else {
            note("NOT TRIED: this user writes in any folder, and nothing can be mounted here");
            return;
        };
        assert_eq!(code, 78, "{round}: {text}");
        assert!(text.contains(output.to_str().unwrap()), "{round}: {text}");
        assert!(
            text.contains("Read-only file system") || text.contains("Permission denied"),
            "{round}: {text}"
        );
        complete(&server, &output, &WORDS);
        judge_folder(&server.account.lock().unwrap(), &output, round);
    }
}

/// Removes a folder that a process is writing in.
fn remove(output: &Path) {
    while output.exists() {
        // A file that was made meanwhile makes it fail: again.
        drop(fs::remove_dir_all(output));
    }
}

/// What is done about the folder while a process works in it; nothing of it may be in a ledger afterwards.
#[track_caller]
fn folder_lost_under_way(after: impl Fn(&SimServer, &Path), context: &str) {
    let server = slow_server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = [&WORDS[..], &["--fetch-mode", "download"]].concat();
    let mut running = Running::start(run(&server, &output, &words));
    for _ in 0..2 {
        running.until("\"event\":\"file_write_complete\"");
        running.until("\"event\":\"batch_complete\"");
    }
    remove(&output);
    after(&server, &output);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(75), "{context}: {status:?}: {said}");
    assert!(said.contains("stays open"), "{context}: {said}");
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, context);
}

#[test]
fn a_folder_that_is_removed_under_way_leaves_no_false_record() {
    folder_lost_under_way(|_, _| {}, "after the folder was removed");
}

#[test]
fn a_folder_that_is_replaced_under_way_is_its_new_owners_alone() {
    let another = |server: &SimServer, output: &Path| drop(complete(server, output, &WORDS));
    folder_lost_under_way(another, "after another process took the folder");
}

#[test]
fn a_folder_that_is_removed_ends_continuous_mode_so_that_it_can_be_started_anew() {
    let server = slow_server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = [&WORDS[..], &["--continuous", "--interval", "1s"]].concat();
    let mut running = Running::start(run(&server, &output, &words));
    running.until("\"event\":\"service_complete\"");
    remove(&output);
    running.until("was removed or replaced");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(!output.exists(), "an empty folder in its place would look like a new start");
}

#[test]
fn of_overlapping_runs_exactly_one_works() {
    let server = slow_server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = [&WORDS[..], &["--fetch-mode", "download"]].concat();
    let runs: Vec<Running> = (0..6).map(|_| Running::start(run(&server, &output, &words))).collect();
    let ended: Vec<_> = runs.into_iter().map(Running::end).collect();
    let with = |code: i32| ended.iter().filter(move |(status, _)| status.code() == Some(code));
    assert_eq!((with(0).count(), with(75).count()), (1, 5), "{ended:?}");
    for (_, said) in with(75) {
        assert!(said.contains("another process works on") && !said.contains("api_request"), "{said}");
    }
    judge_folder(&server.account.lock().unwrap(), &output, "after overlapping runs");
}
