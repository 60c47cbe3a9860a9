//! Decides what a LEQL statement asks for, of the subset that is simulated.
//!
//! Never touches a log. What the subset lacks is an error of code 101011, never a silent match.
//!
//! `where(x)` of a bare word or a quoted text is a case-sensitive substring test; `/x/i` ignores case and
//! `/.*/` is everything; other regular expressions are refused.

mod filter;

pub(crate) use filter::{Filter, pairs, value_of};

/// A parsed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) filter: Filter,
    pub(crate) calculate: Option<Calculation>,
    pub(crate) group_by: Option<String>,
    pub(crate) slices: Slices,
}

/// What a statistic counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calculation {
    Count,
    Bytes,
}

/// How a statistic is cut over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    /// So many slices.
    Number(i64),
    /// Slices of so many milliseconds.
    Length(i64),
}

/// Slices without `timeslice`.
const DEFAULT_SLICES: i64 = 10;

impl Statement {
    /// Everything.
    pub(crate) const fn everything() -> Self {
        Self { filter: Filter::All, calculate: None, group_by: None, slices: Slices::Number(DEFAULT_SLICES) }
    }

    pub(crate) const fn is_statistic(&self) -> bool {
        self.calculate.is_some() || self.group_by.is_some()
    }

    /// Reads a statement; the error is a sentence for the client.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut statement = Self::everything();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, argument, after) = clause(rest)?;
            statement.take(name, argument.trim())?;
            rest = after.trim_start();
        }
        Ok(statement)
    }

    fn take(&mut self, name: &str, argument: &str) -> Result<(), String> {
        match name {
            "where" => self.filter = Filter::parse(argument)?,
            "calculate" => {
                self.calculate = Some(match argument.to_ascii_lowercase().as_str() {
                    "count" => Calculation::Count,
                    "bytes" => Calculation::Bytes,
                    _ => return Err(format!("calculate({argument}) is not simulated")),
                });
            }
            "groupby" if !argument.is_empty() && !argument.contains(',') => {
                self.group_by = Some(argument.trim_matches('"').to_owned());
            }
            "timeslice" => self.slices = slices(argument)?,
            "sort" | "limit" => {} // they change the order and number of groups only
            _ => return Err(format!("{name}({argument}) is not understood")),
        }
        Ok(())
    }
}

/// Takes `name(argument)` off the start, minding quotes, expressions and nesting.
fn clause(text: &str) -> Result<(&str, &str, &str), String> {
    let broken = || format!("clause expected at {text:?}");
    let (name, body) = text.split_once('(').ok_or_else(broken)?;
    let name = name.trim();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(broken());
    }
    let (mut depth, mut quote, mut escaped) = (1, None, false);
    for (at, c) in body.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '/') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            let (argument, after) = body.split_at_checked(at).ok_or_else(broken)?;
            return Ok((name, argument, after.strip_prefix(')').unwrap_or(after)));
        }
    }
    Err(broken())
}

fn slices(argument: &str) -> Result<Slices, String> {
    let bad = || format!("timeslice({argument}) is not understood");
    let unit_at = argument.find(|c: char| !c.is_ascii_digit()).unwrap_or(argument.len());
    let (digits, unit) = argument.split_at_checked(unit_at).ok_or_else(bad)?;
    let number = digits.parse::<i64>().ok().filter(|n| *n > 0).ok_or_else(bad)?;
    let unit_ms = match unit.trim() {
        "" => return Ok(Slices::Number(number)),
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(unit_ms).map(Slices::Length).ok_or_else(bad)
}

#[cfg(test)]
mod tests;
