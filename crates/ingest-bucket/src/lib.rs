//! An archive in an object store: S3 and its kin, Google Cloud Storage, Azure Blob Storage.
//!
//! Decides when an object is a copy: it was uploaded whole, and the store gave it back with the same sum. An object that is
//! there already is compared, never overwritten. Looks for credentials where it is told to, never in the environment, and
//! says none of them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use ingest_core::ids::Slug;
use ingest_store::archive::{Archive, Kept, NAME_TAKEN, NOT_READ_BACK, Reading, aside};
use ingest_store::{Disk, StoreError, Sum};
use object_store::path::{Path as Key, PathPart};
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, WriteMultipart, parse_url_opts};
use tokio::runtime::Runtime;
use url::Url;

/// Bytes of a part of an upload: every store takes parts of this size, and 10,000 of them are more than any file of ours.
const PART_LEN: usize = 8 << 20;
/// Parts under way at once: with one being filled, what an upload holds in memory is 32 MiB.
const PARTS_AT_ONCE: usize = 3;

/// What the addresses of object stores begin with.
const SCHEMES: [&str; 7] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"];
/// Beginnings of the variables that say how object stores are reached: keys, region, endpoint.
pub const VARIABLES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// An archive below a prefix of a bucket.
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    root: Key,
    /// As people name it, without a slash at its end.
    url: String,
    disk: Arc<dyn Disk>,
    runtime: Runtime,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A store shows its settings, and keys are among them.
        f.debug_struct("Bucket").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why an archive in an object store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names no bucket.
    #[error(
        "{0}: {1}; name a bucket and a prefix, as s3://BUCKET/logs, gs://BUCKET/logs or az://CONTAINER/logs"
    )]
    Address(String, String),
    /// What the environment says of the store does not do.
    #[error(
        "{0}: what the variables AWS_…, AZURE_… or GOOGLE_… say does not do (docs/configuration.md names them)"
    )]
    Options(String, #[source] object_store::Error),
    /// The system gives no runtime.
    #[error("{0}: failed to start the runtime")]
    Runtime(String, #[source] io::Error),
}

/// Whether a text is the address of a bucket, or of a prefix in one.
///
/// # Errors
/// Why it is not.
pub fn check_address(url: &str) -> Result<(), OpenError> {
    parse_address(url).map(|_url| ())
}

fn parse_address(url: &str) -> Result<Url, OpenError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    // What is refused is not repeated: a key may stand in it.
    let refuse = |why: &dyn fmt::Display| Err(OpenError::Address(format!("{scheme}://"), why.to_string()));
    match Url::parse(url) {
        Err(error) => refuse(&error),
        Ok(parsed) if !SCHEMES.contains(&parsed.scheme()) => {
            refuse(&format!("{} is not spoken here", parsed.scheme()))
        }
        Ok(parsed) if parsed.host_str().is_none_or(str::is_empty) => refuse(&"it names no bucket"),
        Ok(parsed) if has_more(&parsed) => {
            refuse(&"an address holds no user, key or parameter; these are variables of the environment")
        }
        Ok(parsed) => Ok(parsed),
    }
}

/// Whether an address holds more than a bucket and a prefix. Azure writes its container where others write a user.
fn has_more(url: &Url) -> bool {
    let container = url.scheme().starts_with("abfs");
    let user = !url.username().is_empty() && !container;
    user || url.password().is_some() || url.query().is_some() || url.fragment().is_some()
}

impl Bucket {
    /// The archive that a URL names: `s3://BUCKET/PREFIX`, `gs://…`, `az://CONTAINER/…` and their kin, reached as these
    /// variables say. Asks the store nothing yet.
    ///
    /// # Errors
    /// When the URL names no bucket, or the variables do not do.
    pub fn open(
        disk: Arc<dyn Disk>,
        url: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OpenError> {
        let parsed = parse_address(url)?;
        let (store, root) =
            parse_url_opts(&parsed, variables).map_err(|error| OpenError::Options(url.to_owned(), error))?;
        Self::over(disk, store.into(), root, url)
    }

    fn over(
        disk: Arc<dyn Disk>,
        store: Arc<dyn ObjectStore>,
        root: Key,
        url: &str,
    ) -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| OpenError::Runtime(url.to_owned(), error))?;
        Ok(Self { store, root, url: url.trim_end_matches('/').to_owned(), disk, runtime })
    }

    /// The object that a path names.
    fn key(&self, below: &Path) -> Key {
        let parts = below.iter().map(|part| PathPart::from(part.to_string_lossy().into_owned()));
        self.root.parts().chain(parts).collect()
    }

    /// Its address, for people.
    fn shown(&self, below: &Path) -> PathBuf {
        PathBuf::from(format!("{}/{}", self.url, below.display()))
    }

    fn failed(&self, doing: &'static str, below: &Path) -> impl Fn(object_store::Error) -> StoreError {
        let at = self.shown(below);
        move |error| StoreError::at(doing, &at)(error.into())
    }

    /// What stands under a name beside the file of that path: its sum and the file's, if anything does.
    async fn compare(&self, path: &Path, below: &Path) -> Result<Option<(Sum, Sum)>, StoreError> {
        match self.sum_of(&self.key(below)).await {
            Ok(there) => Ok(Some((there, Reading::sum_of(&*self.disk, path)?))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look at", below)(error)),
        }
    }

    async fn keep_object(&self, path: &Path, below: &Path) -> Result<Kept, StoreError> {
        let key = self.key(below);
        let taken = || StoreError::at("archive to", &self.shown(below))(io::Error::other(NAME_TAKEN));
        if let Some((there, own)) = self.compare(path, below).await? {
            return if there.is(&own) { Ok(Kept::AlreadyThere) } else { Err(taken()) };
        }
        let Some(written) = self.upload(path, &key).await.map_err(|fault| match fault {
            Fault::Disk(error) => error,
            Fault::Store(error) => self.failed("write", below)(error),
        })?
        else {
            return Err(taken());
        };
        let found = self.sum_of(&key).await.map_err(self.failed("read back", below))?;
        if found.is(&written) {
            return Ok(Kept::Copied);
        }
        // Whoever looks meanwhile must not find what the store made of it.
        self.store.delete(&key).await.map_err(self.failed("remove", below))?;
        Err(StoreError::at("archive to", &self.shown(below))(io::Error::other(NOT_READ_BACK)))
    }

    /// Reads an object whole; its sum.
    async fn sum_of(&self, key: &Key) -> object_store::Result<Sum> {
        let mut pieces = self.store.get(key).await?.into_stream();
        let mut sum = Sum::default();
        while let Some(piece) = pieces.try_next().await? {
            sum.add(&piece);
        }
        Ok(sum)
    }

    /// Uploads a file under a name that nothing has; the sum of what was sent, or `None` where something has it by now.
    async fn upload(&self, path: &Path, key: &Key) -> Result<Option<Sum>, Fault> {
        let mut reading = Reading::open(&*self.disk, path)?;
        let mut begun = Vec::new();
        while begun.len() < PART_LEN {
            let Some(bytes) = reading.next_bytes()? else {
                let put = self.store.put_opts(key, begun.into(), PutMode::Create.into()).await;
                return match put {
                    Ok(_put) => Ok(Some(reading.sum())),
                    Err(object_store::Error::AlreadyExists { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                };
            };
            begun.extend_from_slice(bytes);
        }
        let upload = self.store.put_multipart(key).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_LEN);
        match Self::send(&mut parts, &begun, &mut reading).await {
            Ok(()) => parts.finish().await.map(|_put| Some(reading.sum())).map_err(Fault::from),
            Err(fault) => {
                // Parts that stay behind are seen by nobody; the bucket's own rule for unfinished uploads removes them.
                drop(parts.abort().await);
                Err(fault)
            }
        }
    }

    async fn send(parts: &mut WriteMultipart, begun: &[u8], reading: &mut Reading) -> Result<(), Fault> {
        parts.write(begun);
        while let Some(bytes) = reading.next_bytes()? {
            parts.wait_for_capacity(PARTS_AT_ONCE).await?;
            parts.write(bytes);
        }
        Ok(())
    }
}

/// What failed while a file was on its way.
#[derive(Debug)]
enum Fault {
    /// The disk that it comes from.
    Disk(StoreError),
    /// The store that it goes to.
    Store(object_store::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Disk(error)
    }
}

impl From<object_store::Error> for Fault {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl Archive for Bucket {
    fn keep(&self, path: &Path, below: &Path) -> Result<Kept, StoreError> {
        self.runtime.block_on(self.keep_object(path, below))
    }

    fn other(&self, path: &Path, below: &Path) -> Result<Option<Sum>, StoreError> {
        let compared = self.runtime.block_on(self.compare(path, below))?;
        Ok(compared.filter(|(there, own)| !there.is(own)).map(|(_, own)| own))
    }

    fn names(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let key = self.key(folder);
        let listed = self.runtime.block_on(self.store.list_with_delimiter(Some(&key)));
        let listed = listed.map_err(self.failed("list", folder))?;
        let names = listed.objects.iter().filter_map(|object| object.location.filename());
        Ok(names.map(|name| folder.join(name)).collect())
    }

    fn put_aside(&self, slug: &Slug, below: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.key(below), self.key(&aside(slug, below)));
        self.runtime.block_on(self.store.rename(&from, &to)).map_err(self.failed("move aside", below))
    }
}

#[cfg(test)]
mod tests;
