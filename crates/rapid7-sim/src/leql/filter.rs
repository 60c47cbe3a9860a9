//! Decides whether a message passes a `where`, and what its keys are.
//!
//! Never sees time, order or the log.

use serde_json::Value;

/// A condition on one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    All,
    Contains(String),
    /// The text is in lower case.
    ContainsAnyCase(String),
    Equals {
        key: String,
        value: String,
    },
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens };
        let filter = parser.any()?;
        if parser.tokens.is_empty() { Ok(filter) } else { Err(format!("where({text}): words left over")) }
    }

    pub(crate) fn passes(&self, message: &str) -> bool {
        match self {
            Self::All => true,
            Self::Contains(text) => message.contains(text),
            Self::ContainsAnyCase(text) => message.to_lowercase().contains(text),
            Self::Equals { key, value } => value_of(message, key).as_deref() == Some(value),
            Self::Not(inner) => !inner.passes(message),
            Self::And(parts) => parts.iter().all(|part| part.passes(message)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(message)),
        }
    }
}

/// The value of a key: a dotted path in a JSON message, a `key=value` pair in another.
pub(crate) fn value_of(message: &str, key: &str) -> Option<String> {
    let key = key.strip_prefix("json.").unwrap_or(key);
    if message.trim_start().starts_with('{') {
        let document: Value = serde_json::from_str(message).ok()?;
        let found = key.split('.').try_fold(&document, |value, part| value.get(part))?;
        return match found {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(found.to_string()),
        };
    }
    pairs(message).into_iter().find(|pair| pair.key == key).map(|pair| pair.value.to_owned())
}

/// A `key=value` pair of a message; offsets in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a str,
    pub(crate) key_at: usize,
    pub(crate) value: &'a str,
    pub(crate) value_at: usize,
}

/// The `key=value` pairs of a message; quoted values without their quotes.
pub(crate) fn pairs(message: &str) -> Vec<Pair<'_>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(equals) = message.get(from..).and_then(|rest| rest.find('=')).map(|at| from + at) {
        let before = message.get(from..equals).unwrap_or("");
        let key_at = from + before.rfind(|c: char| !is_key(c)).map_or(0, |at| at + width_at(before, at));
        let key = message.get(key_at..equals).unwrap_or("");
        let rest = message.get(equals + 1..).unwrap_or("");
        let (skip, length, after) = value_extent(rest);
        from = equals + 1 + after;
        let value_at = equals + 1 + skip;
        if let (false, Some(value)) = (key.is_empty(), message.get(value_at..value_at + length)) {
            out.push(Pair { key, key_at, value, value_at });
        }
    }
    out
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn width_at(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// Where a value lies in `rest`: bytes to skip, its length, and where to go on.
fn value_extent(rest: &str) -> (usize, usize, usize) {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => return (1, at - 1, at + 1),
                _ => {}
            }
        }
    }
    let length = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
    (0, length, length)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Equal,
    Differs,
    Word(String),
    Quoted(String),
    Pattern { text: String, any_case: bool },
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => {}
            '(' => out.push(Token::Open),
            ')' => out.push(Token::Close),
            '=' => out.push(Token::Equal),
            '!' if chars.next_if_eq(&'=').is_some() => out.push(Token::Differs),
            '"' | '\'' => out.push(Token::Quoted(until(&mut chars, c, true)?)),
            '/' => {
                let text = until(&mut chars, '/', false)?;
                let any_case = chars.next_if_eq(&'i').is_some();
                out.push(Token::Pattern { text, any_case });
            }
            '<' | '>' | ',' | '!' | '[' | ']' => {
                return Err(format!("{c:?} in where({text}) is not simulated"));
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) =
                    chars.next_if(|c| !matches!(c, ' ' | '\t' | '\n' | '(' | ')' | '=' | '!' | ','))
                {
                    word.push(c);
                }
                out.push(Token::Word(word));
            }
        }
    }
    Ok(out)
}

/// Reads to `close`; backslash escapes are resolved or kept.
fn until(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    close: char,
    resolve: bool,
) -> Result<String, String> {
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == close => return Ok(out),
            '\\' => {
                if !resolve {
                    out.push('\\');
                }
                out.extend(chars.next());
            }
            other => out.push(other),
        }
    }
    Err(format!("{close} without its end"))
}

struct Parser<'a> {
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn accept(&mut self, word: &str) -> bool {
        let hit = matches!(self.tokens.first(), Some(Token::Word(found)) if found == word);
        if hit {
            self.next();
        }
        hit
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all()?];
        while self.accept("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() > 1 { Filter::Or(parts) } else { parts.swap_remove(0) })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.accept("AND") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() > 1 { Filter::And(parts) } else { parts.swap_remove(0) })
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.accept("NOT") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        let first = self.next().cloned().ok_or("a condition is missing")?;
        match first {
            Token::Open => {
                let inner = self.any()?;
                if self.next() == Some(&Token::Close) {
                    Ok(inner)
                } else {
                    Err("unclosed parenthesis".to_owned())
                }
            }
            Token::Pattern { text, any_case } => pattern(&text, any_case),
            Token::Word(text) | Token::Quoted(text) => self.word(text),
            Token::Close | Token::Equal | Token::Differs => Err("a word is missing".to_owned()),
        }
    }

    /// A keyword, or a key with its comparison.
    fn word(&mut self, text: String) -> Result<Filter, String> {
        let negated = match self.tokens.first() {
            Some(Token::Equal) => false,
            Some(Token::Differs) => true,
            _ if text.is_empty() => return Err("an empty keyword".to_owned()),
            _ => return Ok(Filter::Contains(text)),
        };
        self.next();
        let (Some(Token::Word(value)) | Some(Token::Quoted(value))) = self.next().cloned() else {
            return Err(format!("{text} has no value to compare with"));
        };
        let equals = Filter::Equals { key: text, value };
        Ok(if negated { Filter::Not(Box::new(equals)) } else { equals })
    }
}

/// A regular expression that is a literal, or that matches everything.
fn pattern(text: &str, any_case: bool) -> Result<Filter, String> {
    if matches!(text, ".*" | "." | ".+" | "") {
        return Ok(Filter::All);
    }
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next) if !next.is_alphanumeric() => literal.push(next),
                _ => return Err(format!("/{text}/ is not a literal")),
            },
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => {
                return Err(format!("/{text}/ is not a literal"));
            }
            other => literal.push(other),
        }
    }
    Ok(if any_case { Filter::ContainsAnyCase(literal.to_lowercase()) } else { Filter::Contains(literal) })
}
