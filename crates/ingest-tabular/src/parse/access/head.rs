//! What stands before the time of an access line.
//!
//! Decides which words are the client's, which come before it, and which are the user's. Usually there are three; servers
//! of several hosts put the host first, others a duration, and those behind proxies write a list of addresses.

use std::net::{IpAddr, SocketAddr};

use super::{MISSING, word};

/// The parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// A virtual host, mostly with its port.
    pub(super) vhost: Option<&'a [u8]>,
    /// Any other word before the client.
    pub(super) lead: Option<&'a [u8]>,
    pub(super) client: &'a [u8],
    pub(super) ident: &'a [u8],
    pub(super) user: &'a [u8],
}

/// Splits a line into them, and what follows the bracket before the time. A user name may have blanks in it.
pub(super) fn split(line: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let (client, rest) = word(line)?;
    let (ident, words) = word(rest)?;
    let (user, after) = words.split_at_checked(memchr::memmem::find(words, b" [")?)?;
    let after = after.get(2..)?;
    let usual = Head { vhost: None, lead: None, client, ident, user };
    if ident == MISSING {
        return Some((usual, after));
    }
    let end = rest.len().checked_sub(after.len() + 2)?;
    let rest = rest.get(..end)?;
    let other = if client.ends_with(b",") {
        of_list(line.get(..client.len() + 1 + end)?)
    } else {
        behind(client, ident, rest)
    };
    Some((other.unwrap_or(usual), after))
}

/// Of a client alone, or one that several proxies named: `192.0.2.1, 10.0.0.1 - joe`.
fn of_list(head: &[u8]) -> Option<Head<'_>> {
    let mut end = 0;
    loop {
        let (address, _) = word(head.get(end..)?)?;
        end += address.len() + 1;
        if !is_address(address.strip_suffix(b",").unwrap_or(address)) {
            return None;
        }
        if !address.ends_with(b",") {
            return of_client(head.get(..end - 1)?, head.get(end..)?);
        }
    }
}

/// Of a client that a word stands before. Nobody's identity is an address.
fn behind<'a>(first: &'a [u8], second: &[u8], rest: &'a [u8]) -> Option<Head<'a>> {
    let is_client = is_address(second.strip_suffix(b",").unwrap_or(second));
    let is_named = has_port(first) && second.contains(&b'.');
    if !is_client && !is_named {
        return None;
    }
    let head = of_list(rest).or_else(|| word(rest).and_then(|(client, rest)| of_client(client, rest)))?;
    let is_number = first.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    Some(if is_number || is_address(first) {
        Head { lead: Some(first), ..head }
    } else {
        Head { vhost: Some(first), ..head }
    })
}

fn of_client<'a>(client: &'a [u8], rest: &'a [u8]) -> Option<Head<'a>> {
    let (ident, user) = word(rest).unwrap_or((MISSING, rest));
    (!user.is_empty()).then_some(Head { vhost: None, lead: None, client, ident, user })
}

fn is_address(word: &[u8]) -> bool {
    let text = std::str::from_utf8(word).unwrap_or_default();
    text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// Whether it is a host and a port.
fn has_port(word: &[u8]) -> bool {
    let Some((host, port)) = memchr::memrchr(b':', word).and_then(|at| word.split_at_checked(at)) else {
        return false;
    };
    let is_port = port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit);
    is_port && !host.is_empty() && (!host.contains(&b':') || host.ends_with(b"]"))
}
