//! What is not told of a reply: the API key, should the server repeat it.
//!
//! Decides what of a server's words may be shown. Events are not its business: what they hold is stored as it is.

use ingest_core::api::ProtocolError;

use super::{Answer, Client};

/// What stands in the place of a server's words that repeat the key.
const WITHHELD: &str = "(not shown: the reply repeats the API key)";

impl Client {
    /// An error over a reply, without the server's words where these repeat the key.
    pub(crate) fn discreet(&self, error: ProtocolError, answer: &Answer) -> ProtocolError {
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            told.push_str(&inner.to_string());
            cause = inner.source();
        }
        // The body as well as the words: an error may show the first part of a key that it cuts off.
        let repeats = self.is_repeated_in(answer.body.as_slice()) || self.is_repeated_in(told.as_bytes());
        if repeats { error.without_words() } else { error }
    }

    /// The first characters of a server's words, unless they repeat the key.
    pub(crate) fn said(&self, body: &[u8], characters: usize) -> String {
        if self.is_repeated_in(body) {
            return WITHHELD.to_owned();
        }
        String::from_utf8_lossy(body).chars().take(characters).collect()
    }

    /// Whether the key stands in a text, be it escaped: JSON and error messages put backslashes before some characters.
    fn is_repeated_in(&self, text: &[u8]) -> bool {
        let key = self.line.options.key.current();
        let bare = |text: &[u8]| text.iter().copied().filter(|byte| *byte != b'\\').collect::<Vec<u8>>();
        let (text, key) = (bare(text), bare(key.reveal().as_bytes()));
        !key.is_empty() && memchr::memmem::find(&text, &key).is_some()
    }
}
