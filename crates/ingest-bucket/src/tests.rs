use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use ingest_core::ids::LogId;
use ingest_store::scripted::ScriptedDisk;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result as StoreResult,
};

use super::*;

/// A store that refuses one request, or gives back other bytes than it took.
#[derive(Debug, Default)]
struct Odd {
    inner: InMemory,
    asked: AtomicU64,
    refuses: Option<u64>,
    lies: bool,
}

impl Odd {
    fn ask(&self) -> StoreResult<()> {
        if self.refuses == Some(self.asked.fetch_add(1, Ordering::Relaxed) + 1) {
            return Err(object_store::Error::Generic { store: "odd", source: "refused".into() });
        }
        Ok(())
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("odd")
    }
}

#[async_trait]
impl ObjectStore for Odd {
    async fn put_opts(&self, to: &Key, payload: PutPayload, opts: PutOptions) -> StoreResult<PutResult> {
        self.ask()?;
        let payload = if self.lies { PutPayload::from_static(b"other bytes") } else { payload };
        self.inner.put_opts(to, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Key,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.ask()?;
        self.inner.put_multipart_opts(to, opts).await
    }

    async fn get_opts(&self, from: &Key, options: GetOptions) -> StoreResult<GetResult> {
        self.ask()?;
        self.inner.get_opts(from, options).await
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, StoreResult<Key>>,
    ) -> BoxStream<'static, StoreResult<Key>> {
        self.inner.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> StoreResult<ListResult> {
        self.ask()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> StoreResult<()> {
        self.ask()?;
        self.inner.copy_opts(from, to, options).await
    }
}

const BELOW: &str = "log=web access/day=2026-02-10/a.parquet";

fn disk(len: usize) -> (Arc<dyn Disk>, PathBuf, Vec<u8>) {
    let disk = ScriptedDisk::new();
    let bytes: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let path = PathBuf::from("/a.parquet");
    disk.create_file(&path).unwrap().write_all(&bytes).unwrap();
    (disk.shared(), path, bytes)
}

fn over(disk: &Arc<dyn Disk>, store: &Arc<Odd>) -> Bucket {
    let store: Arc<dyn ObjectStore> = Arc::<Odd>::clone(store);
    Bucket::over(Arc::clone(disk), store, Key::from("logs/cold"), "s3://bucket/logs/cold/").unwrap()
}

/// What a store holds under a name of the archive.
fn held(bucket: &Bucket, store: &Odd, below: &str) -> Option<Vec<u8>> {
    let key = bucket.key(Path::new(below));
    bucket.runtime.block_on(async {
        let got = store.inner.get(&key).await.ok()?;
        Some(got.bytes().await.unwrap().to_vec())
    })
}

#[test]
fn files_of_any_size_are_copied_once_and_then_found() {
    for len in [0, 1, PART_LEN - 1, PART_LEN, PART_LEN + 1, 5 * PART_LEN + 7] {
        let (disk, path, bytes) = disk(len);
        let store = Arc::new(Odd::default());
        let bucket = over(&disk, &store);
        assert_eq!(bucket.keep(&path, Path::new(BELOW)).unwrap(), Kept::Copied);
        assert_eq!(held(&bucket, &store, BELOW), Some(bytes), "{len}");
        assert_eq!(bucket.keep(&path, Path::new(BELOW)).unwrap(), Kept::AlreadyThere);
    }
}

#[test]
fn whatever_request_is_refused_a_copy_is_whole_or_not_there_and_the_next_attempt_makes_it() {
    for len in [1_000, PART_LEN + 1] {
        let (disk, path, bytes) = disk(len);
        let clean = Arc::new(Odd::default());
        over(&disk, &clean).keep(&path, Path::new(BELOW)).unwrap();
        let asked = clean.asked.load(Ordering::Relaxed);
        assert!(asked >= 3, "looked, wrote, read back");
        for nth in 1..=asked {
            let store = Arc::new(Odd { refuses: Some(nth), ..Odd::default() });
            let bucket = over(&disk, &store);
            let error = bucket.keep(&path, Path::new(BELOW)).unwrap_err();
            assert!(error.to_string().contains("s3://bucket/logs/cold/log=web access/"), "{error}");
            assert!(held(&bucket, &store, BELOW).is_none_or(|there| there == bytes));
            bucket.keep(&path, Path::new(BELOW)).unwrap();
            assert_eq!(held(&bucket, &store, BELOW).as_ref(), Some(&bytes));
        }
    }
}

#[test]
fn a_store_that_gives_back_other_bytes_keeps_no_copy() {
    let (disk, path, _bytes) = disk(1_000);
    let store = Arc::new(Odd { lies: true, ..Odd::default() });
    let bucket = over(&disk, &store);
    let error = bucket.keep(&path, Path::new(BELOW)).unwrap_err();
    assert_eq!(error.cause.to_string(), NOT_READ_BACK);
    assert_eq!(held(&bucket, &store, BELOW), None);
}

#[test]
fn another_object_of_the_same_name_is_never_overwritten() {
    let (disk, path, _bytes) = disk(1_000);
    let store = Arc::new(Odd::default());
    let bucket = over(&disk, &store);
    let key = bucket.key(Path::new(BELOW));
    bucket.runtime.block_on(store.inner.put(&key, PutPayload::from_static(b"theirs"))).unwrap();
    let error = bucket.keep(&path, Path::new(BELOW)).unwrap_err();
    assert_eq!(error.cause.to_string(), NAME_TAKEN);
    assert_eq!(held(&bucket, &store, BELOW), Some(b"theirs".to_vec()));
}

#[test]
fn names_are_those_of_one_folder_and_what_is_put_aside_leaves_it() {
    let (disk, path, bytes) = disk(10);
    let store = Arc::new(Odd::default());
    let bucket = over(&disk, &store);
    for below in [
        BELOW,
        "log=web access/day=2026-02-10/b.parquet",
        "log=web access/day=2026-02-11/c.parquet",
        "d.parquet",
    ] {
        bucket.keep(&path, Path::new(below)).unwrap();
    }
    let folder = Path::new("log=web access/day=2026-02-10");
    assert_eq!(bucket.names(folder).unwrap(), [folder.join("a.parquet"), folder.join("b.parquet")]);
    assert_eq!(bucket.names(Path::new("")).unwrap(), [Path::new("d.parquet")]);
    assert!(bucket.names(Path::new("log=none")).unwrap().is_empty());
    let slug = Slug::of("web", &LogId::new("x"));
    bucket.put_aside(&slug, Path::new(BELOW)).unwrap();
    assert_eq!(bucket.names(folder).unwrap(), [folder.join("b.parquet")]);
    assert_eq!(held(&bucket, &store, &format!("_replaced/log={slug}/a.parquet")), Some(bytes));
}

#[test]
fn addresses_name_a_bucket_of_a_store_that_is_known() {
    let open = |url: &str| {
        let variables = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
            ("AZURE_STORAGE_ACCOUNT_KEY", "canary-no-base64!"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Bucket::open(ScriptedDisk::new().shared(), url, variables)
    };
    let bucket = open("s3://bucket/logs/").unwrap();
    assert_eq!(bucket.key(Path::new("a/b")).as_ref(), "logs/a/b");
    assert_eq!(format!("{bucket:?}"), "Bucket { url: \"s3://bucket/logs\", .. }");
    for (url, want) in [
        ("ftp://host/x", "ftp is not spoken here"),
        ("memory:///x", "memory is not spoken here"),
        ("s3:///x", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3://id:canary@bucket/x", "holds no user"),
        ("s3://canary@bucket/x", "holds no user"),
        ("az://container/x?sig=canary", "holds no user"),
        ("s3://bucket:canary/x", "invalid port"),
        ("az://container/x", "access key"),
    ] {
        let error = open(url).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let said = format!("{error}: {cause}");
        assert!(said.to_lowercase().contains(want), "{url}: {said}");
        assert!(!said.contains("canary") && !format!("{error:?}").contains("canary"), "{url}: {said}");
    }
}
