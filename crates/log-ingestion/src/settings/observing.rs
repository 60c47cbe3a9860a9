//! How the service is looked at from outside: endpoint, token, textfile, collector, and the supervisor's wishes.
//!
//! What was written becomes types here; nothing is opened.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::layers::{Layers, Origin};
use super::meaning::Reader;
use super::otlp_headers;
use super::table::Setting;

/// Fewest characters of a token: 16 of them, drawn at random, are not guessed.
const TOKEN_MIN: usize = 16;

/// How the service is looked at from outside.
#[derive(Debug, Clone)]
pub struct Observing {
    /// `METRICS_ADDR`
    pub addr: MetricsAddr,
    /// `METRICS_TOKEN`
    pub token: Option<Token>,
    /// `METRICS_TEXTFILE`
    pub textfile: Option<PathBuf>,
    /// Where metrics and traces are sent to.
    pub collector: Option<Collector>,
}

/// A collector of metrics and traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, without a slash at its end
    pub endpoint: String,
    /// `OTEL_EXPORTER_OTLP_HEADERS`; the values are never shown
    pub headers: HeaderMap,
}

/// Where the endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAddr {
    /// Nowhere.
    Off,
    /// Where nobody asked for it: it is only served in continuous mode, and done without where the address is taken.
    Default(SocketAddr),
    /// Where it was asked for: it must be served.
    Asked(SocketAddr),
}

impl MetricsAddr {
    /// Where to ask, from this machine; `None` where nobody serves.
    #[must_use]
    pub fn to_ask(self) -> Option<SocketAddr> {
        let addr = match self {
            Self::Off => return None,
            Self::Default(addr) | Self::Asked(addr) => addr,
        };
        let ip = match addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        Some(SocketAddr::new(ip, addr.port()))
    }
}

/// A bearer token. Never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Whether this is the token, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The token itself, for the one header that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// What a supervisor such as systemd wants to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supervisor {
    /// `NOTIFY_SOCKET`
    pub socket: Option<String>,
    /// `WATCHDOG_USEC`, where it is meant for this process
    pub watchdog: Option<Duration>,
}

impl Supervisor {
    /// What the environment of the process `pid` says.
    #[must_use]
    pub fn of(layers: &Layers, pid: u32) -> Self {
        let get = |name: &str| layers.environment.get(name).filter(|value| !value.is_empty());
        let for_us = get("WATCHDOG_PID").is_none_or(|meant| meant.parse() == Ok(pid));
        let watchdog = get("WATCHDOG_USEC").and_then(|us| us.parse().ok()).filter(|us| for_us && *us > 0);
        Self { socket: get("NOTIFY_SOCKET").cloned(), watchdog: watchdog.map(Duration::from_micros) }
    }
}

pub(super) fn read(r: &mut Reader<'_>) -> Option<Observing> {
    let written = Setting::named("METRICS_ADDR").and_then(|setting| r.layers.get(setting));
    let asked = written.is_some_and(|(_, origin)| origin != Origin::Default);
    let addr = r.take("METRICS_ADDR", |text| addr(text, asked));
    let token = r.take("METRICS_TOKEN", token);
    let textfile = r.take("METRICS_TEXTFILE", textfile);
    let endpoint = r.take("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    let headers = r.take("OTEL_EXPORTER_OTLP_HEADERS", otlp_headers::read);
    let (endpoint, headers) = (endpoint?, headers?);
    let collector = endpoint.map(|endpoint| Collector { endpoint, headers });
    Some(Observing { addr: addr?, token: token?, textfile: textfile?, collector })
}

fn addr(text: &str, asked: bool) -> Option<MetricsAddr> {
    if text.eq_ignore_ascii_case("off") {
        return Some(MetricsAddr::Off);
    }
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let addr = named.as_deref().unwrap_or(text).parse().ok()?;
    Some(if asked { MetricsAddr::Asked(addr) } else { MetricsAddr::Default(addr) })
}

fn token(text: &str) -> Option<Option<Token>> {
    if text.is_empty() {
        return Some(None);
    }
    let usable = text.len() >= TOKEN_MIN && text.bytes().all(|b| b.is_ascii_graphic());
    usable.then(|| Some(Token(text.to_owned())))
}

fn textfile(text: &str) -> Option<Option<PathBuf>> {
    if text.is_empty() {
        return Some(None);
    }
    let path = PathBuf::from(text);
    // node_exporter passes over all others, and nobody would learn why.
    let is_read = path.extension().is_some_and(|ending| ending == "prom");
    (is_read && !text.ends_with('/') && !text.contains('\0')).then_some(Some(path))
}

fn url(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let usable = !rest.is_empty() && !rest.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic());
    usable.then(|| Some(text.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::observing;

    fn layers(values: &[(&str, &str)]) -> Layers {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Layers { environment: values.collect::<BTreeMap<_, _>>(), ..Layers::default() }
    }

    #[track_caller]
    fn check(name: &str, value: &str, usable: bool) {
        let read = observing(&layers(&[(name, value)]));
        assert_eq!(read.is_ok(), usable, "{name}={value}: {read:?}");
    }

    #[test]
    fn an_address_that_was_asked_for_differs_from_the_default() {
        let addr = |values: &[(&str, &str)]| observing(&layers(values)).unwrap().addr;
        let default = "127.0.0.1:9464".parse().unwrap();
        assert_eq!(addr(&[]), MetricsAddr::Default(default));
        assert_eq!(addr(&[("METRICS_ADDR", "127.0.0.1:9464")]), MetricsAddr::Asked(default));
        assert_eq!(addr(&[("METRICS_ADDR", "localhost:9464")]), MetricsAddr::Asked(default));
        assert_eq!(addr(&[("METRICS_ADDR", "OFF")]), MetricsAddr::Off);
        let ask = |text| addr(&[("METRICS_ADDR", text)]).to_ask().map(|addr| addr.to_string());
        assert_eq!(ask("0.0.0.0:81").as_deref(), Some("127.0.0.1:81"));
        assert_eq!(ask("[::]:81").as_deref(), Some("[::1]:81"));
        assert_eq!(ask("off"), None);
    }

    #[test]
    fn what_cannot_be_used_is_a_fault() {
        for (name, good, wrong) in [
            ("METRICS_ADDR", "[::1]:9", "9464"),
            ("METRICS_ADDR", "10.0.0.1:0", "example.org:9464"),
            ("METRICS_TOKEN", "0123456789abcdef", "short"),
            ("METRICS_TOKEN", "0123456789abcdef-_", "with a blank in it"),
            ("METRICS_TEXTFILE", "metrics.prom", "/var/lib/node_exporter/"),
            ("METRICS_TEXTFILE", "/a/b.c.prom", "metrics.txt"),
            ("METRICS_TEXTFILE", "x.prom", ".prom"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/", "127.0.0.1:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example/prefix", "grpc://x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x,x-tenant=a", "x-tenant"),
        ] {
            check(name, good, true);
            check(name, wrong, false);
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let said = observing(&layers(&[("OTEL_EXPORTER_OTLP_HEADERS", "se-cret")])).unwrap_err().to_string();
        assert!(said.contains("OTEL_EXPORTER_OTLP_HEADERS") && !said.contains("cret"), "{said}");
        let said = observing(&layers(&[("METRICS_TOKEN", "se cret")])).unwrap_err().to_string();
        assert!(said.contains("METRICS_TOKEN") && !said.contains("cret"), "{said}");
        let token = observing(&layers(&[("METRICS_TOKEN", "0123456789abcdef")])).unwrap().token.unwrap();
        assert!(!format!("{token:?}").contains("0123"));
        assert!(token.is("0123456789abcdef") && !token.is("0123456789abcdeX") && !token.is(""));
    }

    #[test]
    fn a_watchdog_for_another_process_is_not_ours() {
        let of = |values: &[(&str, &str)]| Supervisor::of(&layers(values), 7).watchdog;
        let second = Some(Duration::from_secs(1));
        assert_eq!(of(&[("WATCHDOG_USEC", "1000000")]), second);
        assert_eq!(of(&[("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", "7")]), second);
        assert_eq!(of(&[("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", "8")]), None);
        assert_eq!(of(&[("WATCHDOG_USEC", "0")]), None);
    }
}
