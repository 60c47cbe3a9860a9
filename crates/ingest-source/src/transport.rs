//! The one way out: a request with its key goes, a status, headers and a stream of bytes come back.
//!
//! A trait so that the whole client also runs against a simulator without sockets. Never retries, never waits.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::Url;

use crate::watch::Failure;

/// The API key. Never shown: `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key; blanks around it, as copied keys have them, are dropped.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// How a request proves who sends it.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `x-api-key`, as Log Search wants it.
    ApiKeyHeader(ApiKey),
    /// `Authorization: Bearer`, as the CSV pages endpoint wants it.
    Bearer(ApiKey),
}

/// A GET.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Where to; its origin was checked.
    pub url: Url,
    /// Who asks.
    pub credential: Credential,
}

/// A body as it comes.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// A reply whose body is still to come.
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// Headers by lower-case name; the last of several with one name.
    pub headers: BTreeMap<String, String>,
    /// The body, decompressed. An error in it means that it was cut.
    pub body: Body,
}

impl fmt::Debug for HttpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The network failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{said}")]
pub struct TransportError {
    /// How, for metrics.
    pub failure: Failure,
    /// How, in words.
    pub said: String,
}

impl TransportError {
    /// A failure in words.
    #[must_use]
    pub fn new(failure: Failure, said: &str) -> Self {
        Self { failure, said: said.to_owned() }
    }
}

/// Sends requests.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request and waits for the head of its reply.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>>;
}
