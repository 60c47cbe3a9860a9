//! From a place to the archive that is there.
//!
//! Decides only which kind of archive a place is; what is kept in it, and how, is decided elsewhere.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ingest_bucket::Bucket;
use ingest_store::{Archive, Disk, FolderArchive, StoreError};

use crate::settings::{Place, StoreVariables};

/// Opens an archive, which is made where it is missing and can be.
///
/// # Errors
/// When it cannot be made, or the variables of its store do not do.
pub fn open_archive(
    disk: &Arc<dyn Disk>,
    place: &Place,
    variables: StoreVariables,
) -> Result<Box<dyn Archive>, StoreError> {
    let disk = Arc::clone(disk);
    match place {
        Place::Folder(root) => Ok(Box::new(FolderArchive::open(disk, root)?)),
        Place::Bucket(url) => match Bucket::open(disk, url, variables.0) {
            Ok(bucket) => Ok(Box::new(bucket)),
            Err(error) => Err(StoreError::at("open the archive", Path::new(url))(io::Error::other(error))),
        },
    }
}
