//! Where events come from: the Log Search API, the CSV pages endpoint, local files.
//!
//! Thin shells that send what the core's machines ask for and bring back the replies, within quotas and with
//! retries. Nothing here decides what to fetch or looks inside a record.

mod client;
pub mod clock;
mod download;
mod endpoint;
mod error;
pub mod files;
mod http;
mod pages;
pub mod transport;
pub mod watch;

pub use client::{ClassSnapshot, Client, ClientOptions, EventPages};
pub use download::Download;
pub use endpoint::{Endpoint, EndpointError, HostKind, Protocol, REGIONS};
pub use error::SourceError;
pub use http::HttpTransport;
pub use pages::TextPages;
