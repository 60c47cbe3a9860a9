//! The configured endpoint: which protocol it speaks, how URLs are built on it, which links stay with it.
//!
//! Decides where the key may go: to the endpoint's own origin, and from one Rapid7 host to another over TLS, since
//! links of that API mix its host names (API document, 1.1). Never sends.

use ingest_core::api::Target;
use reqwest::Url;

/// What the endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Rapid7 Log Search.
    LogSearch,
    /// The runbook's CSV pages.
    CsvPages,
}

/// Why an endpoint or link is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("{0:?} is not a URL such as https://eu.rest.logs.insight.rapid7.com")]
    NotAUrl(String),
    /// Neither http nor https.
    #[error("{0:?} is neither http nor https")]
    NotHttp(String),
    /// Has a user name or password in it.
    #[error("the URL carries a user name or password")]
    Credentials,
    /// A link of the server's leads elsewhere; following it would give the key away.
    #[error("the server sent a link to {0}, which is not the configured origin; it was not followed")]
    Foreign(String),
}

/// Regions of the API. Source: API document, 1.1.
pub const REGIONS: [&str; 7] = ["us", "us2", "us3", "eu", "ca", "au", "ap"];
/// What follows the region in the names of the API's hosts. Source: the same.
const REGION_HOSTS: [&str; 2] = [".rest.logs.insight.rapid7.com", ".api.insight.rapid7.com"];

/// Whose host an endpoint's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// That of a region.
    Region(&'static str),
    /// The vendor's, but none of a region that is known.
    Vendor,
    /// Somebody else's: a gateway, a simulator.
    Elsewhere,
}

/// The domain whose hosts may link to each other.
const VENDOR_DOMAIN: &str = ".rapid7.com";

/// A checked endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads `RAPID7_API_ENDPOINT`.
    ///
    /// # Errors
    /// When it is not an http or https URL without credentials.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut base =
            Url::parse(text.trim()).map_err(|_not_a_url| EndpointError::NotAUrl(text.to_owned()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(EndpointError::NotHttp(text.to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NotAUrl(text.to_owned()));
        }
        base.set_query(None);
        base.set_fragment(None);
        // The platform gateway serves the same API one level down (API document, 1.1).
        let gateway = base.host_str().is_some_and(|h| h.ends_with(".api.insight.rapid7.com"));
        if gateway && base.path() == "/" {
            base.set_path("/log_search");
        }
        Ok(Self { base })
    }

    /// The protocol that the URL itself tells: a version path such as `/v1` is the CSV pages endpoint of the runbook,
    /// everything else Log Search.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        let mut segments = self.base.path_segments().into_iter().flatten().filter(|s| !s.is_empty());
        let versioned = segments.next_back().is_some_and(|last| {
            last.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        });
        if versioned { Protocol::CsvPages } else { Protocol::LogSearch }
    }

    /// The host that requests go to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Whose host that is.
    #[must_use]
    pub fn host_kind(&self) -> HostKind {
        let host = self.host();
        let region = REGION_HOSTS.iter().find_map(|ending| host.strip_suffix(ending));
        match REGIONS.into_iter().find(|known| region == Some(*known)) {
            Some(known) => HostKind::Region(known),
            None if host.ends_with(VENDOR_DOMAIN) => HostKind::Vendor,
            None => HostKind::Elsewhere,
        }
    }

    /// Whether the key would travel readable for everybody on the way.
    #[must_use]
    pub fn is_plain_and_remote(&self) -> bool {
        let local = match self.base.host() {
            Some(reqwest_host) => {
                let host = reqwest_host.to_string();
                host == "localhost" || host.starts_with("127.") || host == "[::1]"
            }
            None => false,
        };
        self.base.scheme() == "http" && !local
    }

    /// The URL of a request.
    ///
    /// # Errors
    /// When it is a link that leads to another origin.
    pub fn url(&self, target: &Target) -> Result<Url, EndpointError> {
        match target {
            Target::Path { segments, parameters } => {
                let mut url = self.base.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().extend(segments);
                }
                if !parameters.is_empty() {
                    url.query_pairs_mut().extend_pairs(parameters);
                    // %20 is a blank for every reader, `+` only for readers of forms.
                    let query = url.query().unwrap_or_default().replace('+', "%20");
                    url.set_query(Some(&query));
                }
                Ok(url)
            }
            Target::Link(href) => {
                let url = self.base.join(href).map_err(|_not_a_url| EndpointError::NotAUrl(href.clone()))?;
                if self.may_follow(&url) { Ok(url) } else { Err(EndpointError::Foreign(shown_origin(&url))) }
            }
        }
    }

    fn may_follow(&self, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let vendor =
            |u: &Url| u.scheme() == "https" && u.host_str().is_some_and(|h| h.ends_with(VENDOR_DOMAIN));
        url.origin() == self.base.origin() || (vendor(&self.base) && vendor(url) && url.port().is_none())
    }
}

fn shown_origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(endpoint: &str, href: &str) -> Result<String, EndpointError> {
        Endpoint::parse(endpoint)?.url(&Target::Link(href.to_owned())).map(|u| u.to_string())
    }

    #[test]
    fn links_stay_with_the_origin_or_the_vendor() {
        let eu = "https://eu.rest.logs.insight.rapid7.com";
        for href in [
            "https://eu.rest.logs.insight.rapid7.com/query/x:1:",
            "https://eu.api.insight.rapid7.com/log_search/query/x",
            "/query/x",
        ] {
            assert!(link(eu, href).is_ok(), "{href}");
        }
        for href in [
            "http://eu.rest.logs.insight.rapid7.com/query/x",
            "https://rapid7.com.evil.example/query",
            "https://evilrapid7.com/query",
            "https://a:b@eu.rest.logs.insight.rapid7.com/query",
            "https://eu.rest.logs.insight.rapid7.com:8443/query",
            "ftp://eu.rest.logs.insight.rapid7.com/",
        ] {
            assert!(link(eu, href).is_err(), "{href}");
        }
        assert!(link("http://127.0.0.1:9000", "http://127.0.0.1:9000/log_search/query/x").is_ok());
        assert!(link("http://127.0.0.1:9000", "http://127.0.0.1:9001/query/x").is_err());
        assert!(link("http://127.0.0.1:9000", "https://eu.rest.logs.insight.rapid7.com/x").is_err());
    }

    #[test]
    fn the_host_tells_the_region() {
        for (url, want) in [
            ("https://us2.rest.logs.insight.rapid7.com", HostKind::Region("us2")),
            ("https://eu.api.insight.rapid7.com", HostKind::Region("eu")),
            ("https://uk.rest.logs.insight.rapid7.com", HostKind::Vendor),
            ("https://api.rapid7.com/v1", HostKind::Vendor),
            ("https://eu.rest.logs.insight.rapid7.com.example.net", HostKind::Elsewhere),
            ("http://127.0.0.1:9000", HostKind::Elsewhere),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().host_kind(), want, "{url}");
        }
    }

    #[test]
    fn a_continuation_keeps_its_colons() {
        let href = "http://127.0.0.1:9000/query/0d7c-a:0:3f1c:500:9ab2:?time_range=last+3+months";
        assert_eq!(link("http://127.0.0.1:9000", href).unwrap(), href);
    }

    #[test]
    fn paths_and_parameters_are_encoded_once() {
        let endpoint = Endpoint::parse("http://127.0.0.1:9000/log_search/").unwrap();
        let target = Target::Path {
            segments: vec!["query".into(), "logs".into(), "a/b c".into()],
            parameters: vec![("query", "where(a=+1) x&y".into()), ("from", "5".into())],
        };
        assert_eq!(
            endpoint.url(&target).unwrap().as_str(),
            "http://127.0.0.1:9000/log_search/query/logs/a%2Fb%20c?query=where%28a%3D%2B1%29%20x%26y&from=5"
        );
    }

    #[test]
    fn the_url_tells_the_protocol() {
        for (url, want) in [
            ("https://api.rapid7.com/v1", Protocol::CsvPages),
            ("http://127.0.0.1:1/gateway/v2/", Protocol::CsvPages),
            ("https://eu.rest.logs.insight.rapid7.com", Protocol::LogSearch),
            ("https://us2.api.insight.rapid7.com/log_search", Protocol::LogSearch),
            ("http://127.0.0.1:8080/", Protocol::LogSearch),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().protocol(), want, "{url}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in ["", "eu.rest.logs", "ftp://x", "https://user:pw@x.example", "https://"] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
