//! Names of things: logs and the folders that hold them.
//!
//! Decides how a log's name becomes a path component that cannot leave its folder. Never touches a path.

use std::fmt;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// Characters of a log's name that its folder keeps; the rest of a long name is cut, the id keeps it unique.
const SLUG_NAME_MAX: usize = 80;

/// The identity of a log at the server. Names may be shared or change; the id does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(String);

impl LogId {
    /// An id as the server wrote it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as the server wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A log's folder name: letters, digits, `.`, `-` of its name, then eight hex digits that stand for its id.
///
/// Never empty, never begins with `.` or `_`, never holds a separator, at most 90 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// A stored folder name was not one that [`Slug`] makes.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a log's folder name")]
pub struct NotASlug(String);

impl Slug {
    /// The folder name of a log.
    #[must_use]
    pub fn of(name: &str, id: &LogId) -> Self {
        let mut plain = String::new();
        for c in name.chars().take(SLUG_NAME_MAX) {
            let keep = c.is_ascii_alphanumeric() || c == '.' || c == '-';
            if keep {
                plain.push(c.to_ascii_lowercase());
            } else if !plain.ends_with('-') {
                plain.push('-');
            }
        }
        let plain = plain.trim_matches(['-', '.']);
        let plain = if plain.is_empty() { "log" } else { plain };
        let mark = XxHash3_64::oneshot(id.as_str().as_bytes()) >> 32;
        Self(format!("{plain}-{mark:08x}"))
    }

    /// Takes a folder name back, when it is safe as one.
    ///
    /// # Errors
    /// When the text could not have been made by [`Slug::of`].
    pub fn parse(text: &str) -> Result<Self, NotASlug> {
        let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if !safe || text.is_empty() || text.starts_with('.') || text.len() > SLUG_NAME_MAX + 9 {
            return Err(NotASlug(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The folder name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        let slug = Slug::of(name, &LogId::new("5b1f0c7e-1111-4222-8333-9a0b1c2d3e4f"));
        assert_eq!(slug.as_str().rsplit_once('-').unwrap().0, want);
    }

    #[test]
    fn names_become_plain_folders() {
        check("Firewall Activity", "firewall-activity");
        check("../../etc/passwd", "etc-passwd");
        check("_staging", "staging");
        check("", "log");
        check("日本", "log");
        check("a\0b", "a-b");
        check(&"x".repeat(300), &"x".repeat(80));
    }

    proptest! {
        #[test]
        fn any_name_gives_a_safe_folder_that_parses_back(name in ".{0,400}", id in ".{0,40}") {
            let slug = Slug::of(&name, &LogId::new(id));
            prop_assert_eq!(Slug::parse(slug.as_str()).unwrap(), slug);
        }
    }
}
