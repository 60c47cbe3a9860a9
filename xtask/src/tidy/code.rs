//! What of a Rust file is code: comments and the insides of literals blanked, lines kept.
//!
//! Rules that look for words would otherwise find them in strings, in documentation and in their own tests. Not a
//! parser: it knows comments, strings, raw strings, characters and lifetimes, and where braces close.

/// The code of a file, line for line.
pub(super) fn of(source: &str) -> String {
    let mut scanner = Scanner { rest: source, code: String::with_capacity(source.len()) };
    while scanner.step() {}
    scanner.code
}

/// The lines of production code, with their numbers: inline test modules are left out.
pub(super) fn production_lines(code: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = code.lines().enumerate().map(|(at, line)| (at + 1, line));
    while let Some((number, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push((number, line));
            continue;
        }
        let mut depth = 0_usize;
        for (_, line) in lines.by_ref() {
            depth += line.matches('{').count();
            depth = depth.saturating_sub(line.matches('}').count());
            let is_attribute = line.trim_start().starts_with("#[");
            if depth == 0 && !is_attribute {
                break;
            }
        }
    }
    kept
}

struct Scanner<'a> {
    rest: &'a str,
    code: String,
}

impl Scanner<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let word_before = self.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if first == '"' {
            self.blank(quoted(self.rest, '"'));
        } else if let Some(end) = (!word_before).then(|| raw_string(self.rest)).flatten() {
            self.blank(end);
        } else if let Some(end) = character(self.rest) {
            self.blank(end);
        } else {
            self.code.push(first);
            self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
        }
        true
    }

    /// Leaves out `length` bytes, except for their line feeds.
    fn blank(&mut self, length: usize) {
        let (blanked, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.code.push(' ');
        self.code.extend(blanked.chars().filter(|c| *c == '\n'));
        self.rest = rest;
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, change) = match rest {
            _ if rest.starts_with("/*") => (2, 1),
            _ if rest.starts_with("*/") => (2, -1),
            _ => (rest.chars().next().map_or(1, char::len_utf8), 0),
        };
        at += length;
        depth = depth.saturating_add_signed(change);
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a literal between two `quote`s, where a backslash takes the next character along.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Length of a raw string at the start of `text`, if there is one.
fn raw_string(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = inside.len() - inside.trim_start_matches('#').len();
    let body = inside.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(text.len() - body.len() + end)
}

/// Length of a character literal at the start of `text`; `None` for a lifetime and for all else.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        return Some(quoted(text, '\''));
    }
    let length = inside.chars().next()?.len_utf8();
    inside.get(length..)?.starts_with('\'').then_some(length + 2)
}
