//! What every disk must do, and what the store does on every disk: one suite, run on the real one and on the simulated.

use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ids::{LogId, Slug};
use ingest_core::ledger::{LogState, Recorded, Removal, RemovedBy, Tally};
use ingest_core::records::RecordBlock;
use ingest_core::time::{LogWindow, Timestamp};

use crate::disk::{Disk, Kind, OsDisk};
use crate::layout::{FileName, Layout, STAGING};
use crate::scripted::ScriptedDisk;
use crate::{DirTable, Holder, Lock, OutputFile, Spool, StateDir, durable};

/// Runs a part of the suite on each disk, in an empty folder.
fn on_every_disk(check: fn(&Arc<dyn Disk>, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    check(&OsDisk::shared(), folder.path());
    let scripted = ScriptedDisk::new().shared();
    let folder = Path::new("/var/out");
    durable::create_dir(&*scripted, folder).unwrap();
    check(&scripted, folder);
}

fn put(disk: &Arc<dyn Disk>, path: &Path, bytes: &[u8]) {
    durable::create_dir(&**disk, path.parent().unwrap()).unwrap();
    disk.open_or_create(path).unwrap().write_all(bytes).unwrap();
}

fn names(disk: &Arc<dyn Disk>, folder: &Path) -> Vec<String> {
    let entries = durable::list(&**disk, folder).unwrap();
    entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
}

fn window() -> LogWindow {
    LogWindow::new(Timestamp::from_millis(0), Timestamp::from_millis(10)).unwrap()
}

fn file_name() -> FileName {
    FileName::new(&Slug::of("web", &LogId::new("x")), window(), 1, &"ab".repeat(16))
}

#[test]
fn names_are_refused_alike() {
    on_every_disk(|disk, root| {
        let (file, folder, none) = (root.join("file"), root.join("folder"), root.join("none"));
        put(disk, &file, b"1");
        disk.create_dir(&folder).unwrap();
        put(disk, &root.join("full/file"), b"1");
        let kind = |outcome: std::io::Result<()>| outcome.unwrap_err().kind().to_string();
        let refused = [
            kind(disk.create_file(&file).map(drop)),
            kind(disk.create_dir(&folder)),
            kind(disk.create_file(&none.join("x")).map(drop)),
            kind(disk.create_dir(&none.join("x"))),
            kind(disk.open(&none).map(drop)),
            kind(disk.rename(&none, &file)),
            kind(disk.remove_file(&none)),
            kind(disk.list(&none).map(drop)),
            kind(disk.list(&file).map(drop)),
            kind(disk.metadata(&none).map(drop)),
            kind(disk.metadata(&file.join("x")).map(drop)),
            kind(disk.open_or_create(&folder).map(drop)),
            kind(disk.space(&none).map(drop)),
            kind(disk.sync_dir(&none)),
            kind(disk.remove_dir(&none)),
            kind(disk.remove_dir(&root.join("full"))),
            kind(disk.link(&file, &root.join("full/file"))),
            kind(disk.link(&none, &root.join("full/other"))),
            kind(disk.exchange(&file, &none)),
        ];
        let (there, missing) = ("entity already exists", "entity not found");
        let mut want = [missing; 19];
        (want[15], want[16]) = ("directory not empty", there);
        (want[0], want[1]) = (there, there);
        (want[8], want[10]) = ("not a directory", "not a directory");
        want[11] = "is a directory";
        assert_eq!(refused, want);
    });
}

#[test]
fn bytes_and_names_are_what_was_written() {
    on_every_disk(|disk, root| {
        let (old, new) = (root.join("old"), root.join("new"));
        put(disk, &old, b"0123456789");
        put(disk, &new, b"replaced");
        disk.rename(&old, &new).unwrap();
        disk.sync_dir(root).unwrap();
        assert_eq!(names(disk, root), ["new"]);
        let facts = disk.metadata(&new).unwrap();
        assert_eq!((facts.kind, facts.len), (Kind::File, 10));
        assert_eq!(disk.metadata(root).unwrap().kind, Kind::Folder);

        let mut file = disk.open_or_create(&new).unwrap();
        file.seek(std::io::SeekFrom::End(-2)).unwrap();
        file.write_all(b"abc").unwrap();
        let mut clone = file.try_clone().unwrap();
        clone.write_all(b"d").unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        clone.read_to_string(&mut text).unwrap();
        assert_eq!(text, "01234567abcd");
        file.set_len(3).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(durable::read(&**disk, &new).unwrap(), b"012\0");
        assert!(disk.open(&new).unwrap().write_all(b"x").is_err());
        let space = disk.space(root).unwrap();
        assert!(space.free <= space.total && space.total > 0, "{space:?}");

        disk.remove_file(&new).unwrap();
        assert_eq!(names(disk, root), [""; 0]);
    });
}

#[test]
fn two_folders_are_exchanged_and_a_file_may_have_two_names() {
    on_every_disk(|disk, root| {
        put(disk, &root.join("old/a"), b"a");
        put(disk, &root.join("old/b"), b"b");
        put(disk, &root.join("new/c"), b"c");
        disk.link(&root.join("old/b"), &root.join("new/b")).unwrap();
        disk.exchange(&root.join("old"), &root.join("new")).unwrap();
        assert_eq!(names(disk, &root.join("old")), ["b", "c"]);
        assert_eq!(names(disk, &root.join("new")), ["a", "b"]);
        durable::remove_tree(&**disk, &root.join("new"), Kind::Folder).unwrap();
        assert_eq!(durable::read(&**disk, &root.join("old/b")).unwrap(), b"b");
        assert_eq!(names(disk, root), ["old"]);
    });
}

#[test]
fn a_second_holder_learns_who_the_first_is() {
    on_every_disk(|disk, root| {
        let holder = Holder { pid: 7, host: "box".into(), since: "2026-02-10T00:00:00Z".into() };
        let held = Lock::take(Arc::clone(disk), root, &holder).unwrap();
        let error = Lock::take(Arc::clone(disk), root, &holder).unwrap_err().to_string();
        assert!(error.contains("process 7 on box, since 2026-02-10T00:00:00Z"), "{error}");
        drop(held);
        assert!(Lock::take(Arc::clone(disk), root, &holder).is_ok());
    });
}

#[test]
fn a_folder_that_was_removed_or_replaced_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let holder = |pid| Holder { pid, host: "box".into(), since: "2026-02-10T00:00:00Z".into() };
    let held = Lock::take(OsDisk::shared(), &output, &holder(7)).unwrap();
    held.check().unwrap();
    std::fs::remove_dir_all(&output).unwrap();
    let lost = held.check().unwrap_err();
    assert!(lost.cause.to_string().contains("removed or replaced"), "{lost:?}");
    let another = Lock::take(OsDisk::shared(), &output, &holder(8)).unwrap();
    assert!(held.check().is_err());
    another.check().unwrap();
}

#[test]
fn a_file_is_seen_only_once_published_under_every_layout() {
    on_every_disk(|disk, root| {
        for (layout, folder) in [(Layout::Hive, "hive"), (Layout::Date, "date"), (Layout::Flat, "flat")] {
            let root = root.join(folder);
            let table = DirTable::open(Arc::clone(disk), &root, layout).unwrap();
            let (staged, mut file) = table.stage().unwrap();
            file.write_all(b"bytes").unwrap();
            staged.sync(&*file).unwrap();
            assert_eq!(table.files().unwrap(), []);
            let published = table.publish(staged, &file_name()).unwrap();
            assert_eq!(table.files().unwrap(), std::slice::from_ref(&published));
            assert_eq!(published.bytes, 5);
            let mut text = String::new();
            table.read(&published).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "bytes");
        }
    });
}

#[test]
fn what_was_not_published_is_gone() {
    on_every_disk(|disk, root| {
        let open = || DirTable::open(Arc::clone(disk), root, Layout::Hive).unwrap();
        let table = open();
        drop(table.stage().unwrap());
        std::mem::forget(table.stage().unwrap());
        let left = || names(disk, &root.join(STAGING)).len();
        assert_eq!(left(), 1);
        open();
        assert_eq!(left(), 0);
    });
}

#[test]
fn quarantined_records_are_beside_the_table_and_replaced() {
    on_every_disk(|disk, root| {
        let table = DirTable::open(Arc::clone(disk), root, Layout::Hive).unwrap();
        let mut last = PathBuf::new();
        for line in [&b"one"[..], b"two"] {
            let (staged, mut file) = table.stage().unwrap();
            file.write_all(line).unwrap();
            staged.sync(&*file).unwrap();
            last = table.publish_quarantine(staged, &file_name().slug, window()).unwrap();
        }
        assert_eq!(durable::read(&**disk, &last).unwrap(), b"two");
        assert_eq!(table.files().unwrap(), []);
        assert_eq!(names(disk, &root.join(STAGING)), [""; 0]);
    });
}

#[test]
fn foreign_files_are_left_alone() {
    on_every_disk(|disk, root| {
        put(disk, &root.join("log=x/day=2026-01-01/part-0.parquet"), b"");
        put(disk, &root.join("mine.parquet"), b"");
        let table = DirTable::open(Arc::clone(disk), root, Layout::Hive).unwrap();
        assert_eq!(table.files().unwrap(), []);
        assert_eq!(names(disk, root), ["_staging", "log=x", "mine.parquet"]);
    });
}

#[test]
fn states_read_back_and_damage_is_noticed() {
    on_every_disk(|disk, root| {
        let states = StateDir::of(Arc::clone(disk), root);
        assert_eq!(states.load().unwrap(), (vec![], vec![]));
        let mut state = LogState::new(LogId::new("id"), "Web");
        assert_eq!(state.ledger.record(window(), Tally::EMPTY, None), Ok(Recorded::Added));
        states.save(&state).unwrap();
        states.save(&state).unwrap();
        assert_eq!(states.load().unwrap(), (vec![state.clone()], vec![]));

        let path = root.join(format!("_ingest/logs/{}.json", state.slug));
        let mut bytes = durable::read(&**disk, &path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        durable::replace(&**disk, &path, &bytes).unwrap();
        assert_eq!(states.load().unwrap(), (vec![], vec![path]));
    });
}

#[test]
fn what_was_removed_is_remembered_beside_the_ledgers() {
    on_every_disk(|disk, root| {
        let states = StateDir::of(Arc::clone(disk), root);
        let mut state = LogState::new(LogId::new("id"), "Web");
        states.save_removed(&state).unwrap();
        assert_eq!(states.load_removed().unwrap(), (vec![], vec![]));
        assert_eq!(state.ledger.record(window(), Tally::EMPTY, None), Ok(Recorded::Added));
        let removal = Removal { by: RemovedBy::Archive, to: Some("/cold".into()), at: window().end() };
        state.ledger.remove(window(), &removal, |_| Tally::EMPTY).unwrap();
        states.save(&state).unwrap();
        states.save_removed(&state).unwrap();
        assert_eq!(states.load().unwrap(), (vec![state.clone()], vec![]), "the ledger knows as well");
        let (records, damaged) = states.load_removed().unwrap();
        assert_eq!((records.len(), damaged.len()), (1, 0));
        assert_eq!(records[0].removed, state.ledger.removed());
        assert_eq!((&records[0].id, &records[0].slug), (&state.id, &state.slug));
        put(disk, &root.join("_removed/x.json"), b"nothing of ours");
        assert_eq!(states.load_removed().unwrap().1, [root.join("_removed/x.json")]);
        state.ledger.bring_back(window());
        states.save_removed(&state).unwrap();
        assert_eq!(states.load_removed().unwrap().0, []);
    });
}

#[test]
fn blocks_come_back_twice_from_memory_and_from_disk() {
    on_every_disk(|disk, root| {
        let block = |first: u64, text: &str| {
            let mut block = RecordBlock::starting_at(first);
            assert!(block.push(text.as_bytes()));
            block
        };
        for memory_max in [1_000, 5, 0] {
            let path = root.join("spool");
            let exists = || disk.metadata(&path).is_ok();
            let mut spool = Spool::new(Arc::clone(disk), path.clone(), memory_max);
            let blocks: Vec<_> =
                ["one", "", "three"].into_iter().zip(0..).map(|(text, n)| Arc::new(block(n, text))).collect();
            for block in &blocks {
                spool.push(Arc::clone(block)).unwrap();
            }
            assert_eq!(exists(), memory_max < 8);
            for _ in 0..2 {
                let read: Vec<_> = spool.read().unwrap().map(Result::unwrap).collect();
                assert_eq!(read, blocks);
            }
            spool.clear().unwrap();
            spool.push(block(0, "again")).unwrap();
            assert_eq!(spool.read().unwrap().count(), 1);
            drop(spool);
            assert!(!exists());
        }
    });
}

#[test]
fn an_output_has_its_name_once_published_and_leaves_nothing_otherwise() {
    on_every_disk(|disk, root| {
        let folder = root.join("new/folder");
        for text in [&b"first"[..], b"second"] {
            let (output, mut file) = OutputFile::create_on(Arc::clone(disk), &folder, "a.parquet").unwrap();
            file.write_all(text).unwrap();
            output.sync(&*file).unwrap();
            let mut read = Vec::new();
            output.reopen().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, text);
            let path = output.publish().unwrap();
            assert_eq!(durable::read(&**disk, &path).unwrap(), text);
        }
        drop(OutputFile::create_on(Arc::clone(disk), &folder, "b.parquet").unwrap());
        DirTable::check_writable(Arc::clone(disk), &folder).unwrap();
        assert_eq!(names(disk, &folder), ["a.parquet"]);
    });
}

#[test]
fn files_and_folders_have_the_modes_of_the_runbook() {
    let folder = tempfile::tempdir().unwrap();
    let (output, _file) = OutputFile::create(&folder.path().join("out"), "file").unwrap();
    let path = output.publish().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o640, 0o750));
}
