//! Asks a running service over HTTP, as `health` and `top` do.
//!
//! One GET with a short time for it, never through a proxy, never after a redirect. Decides nothing about the answer.

use std::time::Duration;

/// How long the service may take to answer: a container's probe gives up after a few seconds.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Gets `url`, with a bearer token where there is one, and at most about so many bytes of what comes.
///
/// # Errors
/// When nobody answers in time, or the answer is cut.
pub(crate) async fn get(url: &str, token: Option<&str>, bytes_max: usize) -> Result<Answer, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(ASK_TIMEOUT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let request = client.get(url);
    let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
    let mut reply = request.send().await?;
    let mut body = Vec::new();
    while body.len() < bytes_max {
        let Some(piece) = reply.chunk().await? else { break };
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status: reply.status().as_u16(), body })
}

/// The address of a page of a service; a path that is given stays.
pub(crate) fn page(url: &str, page: &str) -> String {
    let url = url.trim_end_matches('/');
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { url.to_owned() } else { format!("{url}/{page}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_the_page_that_is_wanted() {
        for (url, want) in [
            ("http://127.0.0.1:9464", "http://127.0.0.1:9464/readyz"),
            ("http://127.0.0.1:9464/", "http://127.0.0.1:9464/readyz"),
            ("https://host/prefix/readyz", "https://host/prefix/readyz"),
        ] {
            assert_eq!(page(url, "readyz"), want);
        }
    }
}
