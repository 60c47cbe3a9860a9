use std::io::{Read as _, Write as _};

use ingest_core::ids::{LogId, Slug};
use ingest_core::records::RecordBlock;
use ingest_core::time::{LogWindow, Timestamp};

use super::*;
use crate::layout::{FileName, Layout};
use crate::{DirTable, Holder, Lock, StoreError, durable};

/// Seeds by which a crash is tried at each place.
const SEEDS: u64 = 24;

fn losses() -> impl Iterator<Item = Loss> {
    std::iter::once(Loss::All).chain((0..SEEDS).map(Loss::Torn))
}

fn folder(disk: &ScriptedDisk) -> PathBuf {
    let folder = PathBuf::from("/out");
    durable::create_dir(disk, &folder).unwrap();
    folder
}

#[test]
fn only_what_was_synced_with_its_name_survives() {
    let disk = ScriptedDisk::new();
    let out = folder(&disk);
    let write = |name: &str, sync: bool| {
        let mut file = disk.create_file(&out.join(name)).unwrap();
        file.write_all(b"bytes").unwrap();
        if sync {
            file.sync_all().unwrap();
        }
        file
    };
    let mut synced = write("synced", true);
    write("unsynced", false);
    disk.sync_dir(&out).unwrap();
    synced.write_all(b" and more").unwrap();
    write("unnamed", true);
    disk.crash(Loss::All);

    assert!(is_death(&synced.write_all(b"x").unwrap_err()));
    assert!(is_death(&disk.open(&out.join("synced")).unwrap_err()));
    let next = disk.another();
    assert_eq!(next.files(), [out.join("synced"), out.join("unsynced")]);
    assert_eq!(next.bytes(&out.join("synced")).unwrap(), b"bytes");
    assert_eq!(next.bytes(&out.join("unsynced")).unwrap(), b"");
}

#[test]
fn a_crash_may_tear_what_was_not_synced_but_nothing_else() {
    let disk = ScriptedDisk::new();
    let path = folder(&disk).join("file");
    let mut file = disk.create_file(&path).unwrap();
    file.write_all(b"synced.").unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(path.parent().unwrap()).unwrap();
    file.write_all(b"more").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let fork = disk.fork();
        fork.crash(Loss::Torn(seed));
        let left = fork.bytes(&path).unwrap();
        let rest = left.strip_prefix(b"synced.").unwrap();
        assert!(b"more".starts_with(rest) || rest.iter().all(|byte| *byte == 0), "{left:?}");
        seen.insert(rest.to_vec());
    }
    assert_eq!(seen.len(), 9, "every length, as written and as zeros: {seen:?}");
}

#[test]
fn a_rename_is_durable_with_either_folder_and_never_half() {
    for synced in [None, Some("/a"), Some("/b")] {
        let disk = ScriptedDisk::new();
        let (from, to) = (Path::new("/a/file"), Path::new("/b/file"));
        for path in [from, to] {
            durable::create_dir(&disk, path.parent().unwrap()).unwrap();
            disk.create_file(path).unwrap();
            disk.sync_dir(path.parent().unwrap()).unwrap();
        }
        disk.rename(from, to).unwrap();
        synced.map_or(Ok(()), |folder| disk.sync_dir(Path::new(folder))).unwrap();
        disk.crash(Loss::All);
        let want = if synced.is_some() { vec![to.to_owned()] } else { vec![from.to_owned(), to.to_owned()] };
        assert_eq!(disk.files(), want, "{synced:?}");
    }
}

#[test]
fn the_nth_operation_fails_once_or_from_then_on() {
    for (repeat, want) in
        [(Repeat::Once, [true, false, true, true]), (Repeat::Forever, [true, false, false, false])]
    {
        let disk = ScriptedDisk::new();
        disk.fail(2, Fault::Io, repeat);
        let done = ["a", "b", "c", "d"].map(|name| disk.create_dir(Path::new(name)).is_ok());
        assert_eq!(done, want);
        disk.heal();
        assert!(disk.create_dir(Path::new("e")).is_ok());
    }
}

#[test]
fn a_full_disk_refuses_what_needs_room_and_still_removes() {
    let disk = ScriptedDisk::new();
    let path = folder(&disk).join("file");
    let mut file = disk.create_file(&path).unwrap();
    disk.fail(1, Fault::NoSpace, Repeat::Forever);
    let error = file.write_all(b"12345678").map_err(StoreError::at("write", &path)).unwrap_err();
    assert!(error.is_full());
    assert_eq!(disk.bytes(&path).unwrap(), b"1234");
    assert!(disk.create_file(&path.with_extension("x")).is_err());
    disk.remove_file(&path).unwrap();
}

#[test]
fn a_short_write_is_gone_on_with() {
    let disk = ScriptedDisk::new();
    let path = folder(&disk).join("file");
    let mut file = disk.create_file(&path).unwrap();
    disk.fail(1, Fault::ShortWrite, Repeat::Forever);
    file.write_all(b"12345678").unwrap();
    assert_eq!(disk.bytes(&path).unwrap(), b"12345678");
    assert_eq!(disk.history().iter().filter(|event| event.op == Op::Write).count(), 4);
}

#[test]
fn a_sync_that_failed_is_not_made_good_by_the_next() {
    let disk = ScriptedDisk::new();
    let path = folder(&disk).join("file");
    let mut file = disk.create_file(&path).unwrap();
    file.write_all(b"bytes").unwrap();
    disk.fail(1, Fault::Io, Repeat::Once);
    assert!(file.sync_all().is_err());
    file.sync_all().unwrap();
    disk.sync_dir(path.parent().unwrap()).unwrap();
    disk.crash(Loss::All);
    assert_eq!(disk.bytes(&path).unwrap(), b"");
}

#[test]
fn a_kill_frees_the_lock_and_keeps_what_was_written() {
    let disk = ScriptedDisk::new();
    let out = folder(&disk);
    let holder = Holder { pid: 1, host: "box".into(), since: "now".into() };
    let _held = Lock::take(disk.shared(), &out, &holder).unwrap();
    let other = disk.another();
    assert!(Lock::take(other.shared(), &out, &holder).is_err());
    disk.create_file(&out.join("file")).unwrap().write_all(b"bytes").unwrap();
    disk.fail(1, Fault::Die, Repeat::Once);
    assert!(is_death(&disk.sync_dir(&out).unwrap_err()));
    assert!(disk.is_dead() && !other.is_dead());
    let _held = Lock::take(other.shared(), &out, &holder).unwrap();
    let mut bytes = Vec::new();
    other.open(&out.join("file")).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"bytes");
}

#[test]
fn the_same_calls_have_the_same_history() {
    let run = || {
        let disk = ScriptedDisk::new();
        let out = folder(&disk);
        disk.fail(7, Fault::Io, Repeat::Once);
        (0..3).for_each(|n| drop(durable::replace(&disk, &out.join("file"), &[n; 9])));
        let history: Vec<String> = disk.history().iter().map(ToString::to_string).collect();
        (history, disk.operations())
    };
    assert_eq!(run(), run());
    assert_eq!(run().0[4], "5 Remove /out/file.new 0 entity not found");
    assert_eq!(run().0.len() as u64, run().1);
}

/// Runs `work` with the process killed before each of its operations, and judges what each loss of power leaves.
/// `work` reports what it was promised as durable as soon as it was.
fn die_everywhere(
    work: impl Fn(&ScriptedDisk, &mut Vec<u8>) -> Result<(), StoreError>,
    judge: impl Fn(&ScriptedDisk, &[u8], &str),
) {
    for nth in 1.. {
        let disk = ScriptedDisk::new();
        folder(&disk);
        disk.fail(nth, Fault::Die, Repeat::Once);
        let mut promised = Vec::new();
        let outcome = work(&disk, &mut promised);
        disk.heal();
        for loss in losses() {
            let fork = disk.fork();
            fork.crash(loss);
            judge(&fork.another(), &promised, &format!("{nth}, {loss:?}"));
        }
        if outcome.is_ok() {
            break;
        }
    }
}

/// The same, but the process is killed while the machine goes on: the next one finishes, and only then power is lost.
fn finish_after_a_kill(
    work: impl Fn(&ScriptedDisk, &mut Vec<u8>) -> Result<(), StoreError>,
    judge: impl Fn(&ScriptedDisk, &[u8], &str),
) {
    for nth in 1.. {
        let disk = ScriptedDisk::new();
        folder(&disk);
        disk.fail(nth, Fault::Die, Repeat::Once);
        let outcome = work(&disk, &mut Vec::new());
        disk.heal();
        let (next, mut promised) = (disk.another(), Vec::new());
        work(&next, &mut promised).unwrap();
        next.crash(Loss::All);
        judge(&next.another(), &promised, &format!("{nth}"));
        if outcome.is_ok() {
            break;
        }
    }
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_after_any_crash() {
    let path = Path::new("/out/state.json");
    die_everywhere(
        |disk, promised| {
            for n in 1..=3_u8 {
                durable::replace(disk, path, &[n; 100])?;
                promised.push(n);
            }
            Ok(())
        },
        |disk, promised, context| {
            let last = promised.last().copied().unwrap_or_default();
            match disk.bytes(path) {
                None => assert_eq!(last, 0, "{context}"),
                Some(bytes) => {
                    let n = *bytes.first().expect(context);
                    assert_eq!(bytes, [n; 100], "{context}");
                    assert!(n == last || n == last + 1, "{context}: {n} after {last}");
                }
            }
        },
    );
}

/// Publishes three files, of a day each, and promises each when it is durable.
fn publish_three(disk: &ScriptedDisk, promised: &mut Vec<u8>) -> Result<(), StoreError> {
    let table = DirTable::open(disk.shared(), Path::new("/out"), Layout::Hive)?;
    for n in 1..=3_u8 {
        let (staged, mut file) = table.stage()?;
        file.write_all(&[n; 100]).map_err(StoreError::at("write", staged.path()))?;
        staged.sync(&*file)?;
        table.publish(staged, &name(n))?;
        promised.push(n);
    }
    Ok(())
}

fn name(n: u8) -> FileName {
    let start = Timestamp::from_millis(i64::from(n) * 86_400_000);
    let window = LogWindow::new(start, start.plus_millis(10)).unwrap();
    FileName::new(&Slug::of("web", &LogId::new("x")), window, 1, &format!("{n:016x}"))
}

/// All files are whole, and those that were promised are there.
fn judge_table(disk: &ScriptedDisk, promised: &[u8], context: &str) {
    let table = DirTable::open(disk.shared(), Path::new("/out"), Layout::Hive).unwrap();
    let files = table.files().unwrap();
    for file in &files {
        let bytes = disk.bytes(&file.path).unwrap();
        assert_eq!(bytes, [*bytes.first().expect(context); 100], "{context}");
    }
    for n in promised {
        assert!(files.iter().any(|file| file.name == name(*n)), "{context}: {n} is gone");
    }
    assert!(files.len() <= promised.len() + 1, "{context}");
    assert!(disk.list(Path::new("/out/_staging")).unwrap().is_empty(), "{context}");
}

#[test]
fn a_published_file_is_whole_and_stays_after_any_crash() {
    die_everywhere(publish_three, judge_table);
}

#[test]
fn a_folder_that_a_killed_process_left_is_made_durable_by_the_next() {
    finish_after_a_kill(publish_three, judge_table);
}

#[test]
fn a_disk_that_lies_says_that_all_is_well_and_has_another_byte() {
    let disk = ScriptedDisk::new();
    let path = folder(&disk).join("file");
    let mut file = disk.create_file(&path).unwrap();
    disk.fail(1, Fault::Lie, Repeat::Forever);
    file.write_all(b"abc").unwrap();
    file.sync_all().unwrap();
    assert_eq!(disk.bytes(&path).unwrap(), b"awc");
    assert!(disk.history().iter().rev().take(2).all(|event| event.failed.is_none()));
}

#[test]
fn a_spooled_block_that_the_disk_changed_is_an_error() {
    let disk = ScriptedDisk::new();
    let table = DirTable::open(disk.shared(), &folder(&disk), Layout::Hive).unwrap();
    for lies in [false, true] {
        let mut spool = table.spool(0);
        let mut block = RecordBlock::default();
        block.push(&[b'x'; 1_000]);
        if lies {
            disk.fail(1, Fault::Lie, Repeat::Forever);
        }
        spool.push(block).unwrap();
        let first = spool.read().unwrap().next().unwrap();
        assert_eq!(first.is_err(), lies, "{first:?}");
    }
}

#[test]
fn a_staged_file_that_the_disk_changed_does_not_read_back() {
    let disk = ScriptedDisk::new();
    let table = DirTable::open(disk.shared(), &folder(&disk), Layout::Hive).unwrap();
    for lies in [false, true] {
        let (staged, mut file) = table.stage().unwrap();
        let mut sum = crate::Sum::default();
        if lies {
            disk.fail(2, Fault::Lie, Repeat::Once);
        }
        for piece in [b"one", b"two"] {
            file.write_all(piece).unwrap();
            sum.add(piece);
        }
        assert_eq!(staged.read_back(&sum).is_err(), lies);
        sum.add(b"more");
        assert!(staged.read_back(&sum).is_err());
    }
}
