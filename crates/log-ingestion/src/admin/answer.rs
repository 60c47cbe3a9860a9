//! What the endpoint answers: which path is which, who may see it, and in what form.
//!
//! Never answers what changes anything: GET and HEAD only. `/livez` is answered on the spot; what asks the disk or copies
//! the board is put together on another thread.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::{Desk, ready, status};
use crate::settings::Token;

/// Content type of the Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON_TYPE: &str = "application/json";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";
/// What a path that is none is answered with.
const PATHS: &str = "There is /metrics, /livez, /readyz and /status.\n";

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Live,
    Ready,
    Metrics,
    Status,
    /// No such path.
    Unknown,
    /// Neither GET nor HEAD.
    WrongMethod,
    /// A token is asked for, and this is not it.
    NotAllowed,
}

fn route(method: &Method, path: &str, headers: &HeaderMap, token: Option<&Token>) -> Route {
    if ![Method::GET, Method::HEAD].contains(method) {
        return Route::WrongMethod;
    }
    let route = match path {
        "/livez" => return Route::Live,
        "/readyz" => return Route::Ready,
        "/metrics" => Route::Metrics,
        "/status" => Route::Status,
        _ => return Route::Unknown,
    };
    let allowed = token.is_none_or(|token| bearer(headers).is_some_and(|given| token.is(given)));
    if allowed { route } else { Route::NotAllowed }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The answer to a request.
pub(super) async fn answer(desk: &Arc<Desk>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let route = route(request.method(), request.uri().path(), request.headers(), desk.token.as_ref());
    match route {
        Route::Live if desk.heartbeat.is_young() => reply(StatusCode::OK, TEXT_TYPE, "ok\n".to_owned()),
        Route::Live => {
            let said = "the runtime does not give its tasks their turn any more\n".to_owned();
            reply(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, said)
        }
        Route::Ready | Route::Metrics | Route::Status => {
            let desk = Arc::clone(desk);
            let made = tokio::task::spawn_blocking(move || look(&desk, route)).await;
            made.unwrap_or_else(|_died| reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT_TYPE, String::new()))
        }
        Route::Unknown => reply(StatusCode::NOT_FOUND, TEXT_TYPE, PATHS.to_owned()),
        Route::WrongMethod => {
            let mut reply = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT_TYPE, String::new());
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            reply
        }
        Route::NotAllowed => {
            let said = "METRICS_TOKEN is set: send it as a bearer token\n".to_owned();
            let mut reply = reply(StatusCode::UNAUTHORIZED, TEXT_TYPE, said);
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            reply
        }
    }
}

/// What has to be looked up. Blocks.
fn look(desk: &Desk, route: Route) -> Response<Full<Bytes>> {
    match route {
        Route::Metrics => reply(StatusCode::OK, METRICS_TYPE, desk.reader.text()),
        Route::Status => reply(StatusCode::OK, JSON_TYPE, format!("{}\n", status::status(&desk.reader))),
        Route::Ready | Route::Live | Route::Unknown | Route::WrongMethod | Route::NotAllowed => {
            let reasons = ready::reasons(&ready::Seen::by(&desk.reader));
            let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons });
            reply(status, JSON_TYPE, format!("{body}\n"))
        }
    }
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::{Layers, observing};

    fn token() -> Token {
        let environment = BTreeMap::from([("METRICS_TOKEN".to_owned(), "0123456789abcdef".to_owned())]);
        observing(&Layers { environment, ..Layers::default() }).unwrap().token.unwrap()
    }

    #[track_caller]
    fn check(method: &str, path: &str, given: Option<&str>, want: Route) {
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(header::AUTHORIZATION, given.parse().unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(route(&method, path, &headers, Some(&token())), want, "{method} {path} {given:?}");
    }

    #[test]
    fn probes_are_open_and_what_tells_of_logs_asks_for_the_token() {
        for (path, open) in [("/livez", Route::Live), ("/readyz", Route::Ready)] {
            check("GET", path, None, open);
            check("HEAD", path, Some("Bearer wrong"), open);
        }
        for (path, route) in [("/metrics", Route::Metrics), ("/status", Route::Status)] {
            check("GET", path, Some("Bearer 0123456789abcdef"), route);
            check("HEAD", path, Some("bearer 0123456789abcdef"), route);
            for wrong in
                ["Bearer 0123456789abcdeF", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer "]
            {
                check("GET", path, Some(wrong), Route::NotAllowed);
            }
            check("GET", path, None, Route::NotAllowed);
        }
    }

    #[test]
    fn without_a_token_everybody_may_look_and_nobody_may_write() {
        let headers = HeaderMap::new();
        assert_eq!(route(&Method::GET, "/metrics", &headers, None), Route::Metrics);
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
            check(method, "/metrics", None, Route::WrongMethod);
        }
        for path in ["/", "", "/metrics/", "/Metrics", "/../metrics", "/%6detrics", "/livezz"] {
            check("GET", path, None, Route::Unknown);
        }
    }
}
