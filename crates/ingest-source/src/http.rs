//! The transport over HTTP, with TLS from the system's roots and the proxy variables honoured.
//!
//! Never follows redirects: the key would travel with them.

use std::error::Error;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::transport::{Credential, HttpReply, HttpRequest, Transport, TransportError};
use crate::watch::Failure;

/// Time for a connection to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Time without a single byte before a reply is given up; clients of this API wait 30 to 60 s for a first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Idle connections are dropped early: long-lived sessions to this API were seen to fail (API document, 6.17).
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The header of Log Search. Source: API document, 1.2.
const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Sends over real sockets.
#[derive(Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
}

impl HttpTransport {
    /// A transport that names itself `user_agent`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(user_agent: &str) -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| failure(&e))?;
        Ok(Self { client })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpReply, TransportError> {
        let (name, value) = match &request.credential {
            Credential::ApiKeyHeader(key) => (API_KEY_HEADER, key.reveal().to_owned()),
            Credential::Bearer(key) => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_shows_the_key| {
            TransportError::new(Failure::Other, "the API key holds characters that no header can carry")
        })?;
        value.set_sensitive(true);
        let sending = self.client.get(request.url).header(name, value);
        let reply = sending.send().await.map_err(|e| failure(&e.without_url()))?;
        let headers = reply.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let status = reply.status().as_u16();
        let body = reply.bytes_stream().map(|piece| piece.map_err(|e| failure(&e.without_url()))).boxed();
        Ok(HttpReply { status, headers, body })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        self.exchange(request).boxed()
    }
}

/// The whole chain of causes in one line: the outer ones alone say "error sending request".
fn failure(error: &reqwest::Error) -> TransportError {
    let failure = match error {
        _ if error.is_timeout() => Failure::Timeout,
        _ if error.is_connect() => Failure::Connect,
        _ if error.is_request() || error.is_body() || error.is_decode() => Failure::Broken,
        _ => Failure::Other,
    };
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    TransportError { failure, said: text }
}
