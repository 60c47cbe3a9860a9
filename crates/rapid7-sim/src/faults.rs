//! Decides which request meets which fault: by rate from the seed, or at its N-th chance.
//!
//! Never decides what a fault does to an answer; the routes do. A fault counts only the requests it could
//! strike, so `download_rows_dropped@1` is the first download whatever came before.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

pub use names::{FAULTS, FaultInfo, FaultName, RequestClass};

use crate::rng::{child, unit};

/// When a fault strikes.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// With this probability, drawn from the seed and the ordinal of the chance.
    Rate(f64),
    /// At these chances, counted from 1.
    At(BTreeSet<u64>),
}

/// A fault's plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// When it strikes.
    pub when: When,
    /// How often at most; `None` without limit.
    pub limit: Option<u64>,
    /// Only requests of this class are chances; `None` for every class the fault fits.
    pub class: Option<RequestClass>,
}

impl Trigger {
    /// Strikes with probability `rate`.
    pub const fn rate(rate: f64) -> Self {
        Self { when: When::Rate(rate), limit: None, class: None }
    }

    /// Strikes at these chances, counted from 1.
    pub fn at<I: IntoIterator<Item = u64>>(ordinals: I) -> Self {
        Self { when: When::At(ordinals.into_iter().collect()), limit: None, class: None }
    }

    /// The same plan, at most `limit` times.
    #[must_use]
    pub const fn at_most(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The same plan for one class of request.
    #[must_use]
    pub const fn only(mut self, class: RequestClass) -> Self {
        self.class = Some(class);
        self
    }
}

/// Every fault's plan, and what the faults use.
#[derive(Debug, Clone)]
pub struct Faults {
    /// The plans.
    pub triggers: BTreeMap<FaultName, Trigger>,
    /// Seconds in the Retry-After of a fault's 429 or 503.
    pub retry_after_s: u32,
    /// Milliseconds before the first byte of a slow answer.
    pub slow_first_byte_ms: u64,
    /// Bytes of one piece of a trickle.
    pub trickle_chunk: usize,
    /// Milliseconds between two pieces of a trickle.
    pub trickle_pause_ms: u64,
    /// The foreign origin in links and redirects.
    pub foreign_origin: String,
    /// Seconds the Date header is wrong by.
    pub clock_skew_s: i64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            triggers: BTreeMap::new(),
            retry_after_s: 1,
            slow_first_byte_ms: 1_500,
            trickle_chunk: 2_048,
            trickle_pause_ms: 20,
            foreign_origin: "https://logs.example.net".to_owned(),
            clock_skew_s: 7_200,
        }
    }
}

impl Faults {
    /// The same faults and one more.
    #[must_use]
    pub fn with(mut self, name: FaultName, trigger: Trigger) -> Self {
        self.triggers.insert(name, trigger);
        self
    }

    /// Adds `NAME=0.05`, `NAME@3,7`, each with an optional `/LIMIT`, `NAME` with an optional `:CLASS`.
    ///
    /// # Errors
    /// A sentence that says what was not understood.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (rest, limit) = match text.split_once('/') {
            None => (text, None),
            Some((rest, limit)) => (rest, Some(limit.parse().map_err(|cause| format!("{text:?}: {cause}"))?)),
        };
        let at = rest.find(['=', '@']).ok_or_else(|| format!("{text:?} has neither =RATE nor @N"))?;
        let (name, plan) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (name, class) = match name.split_once(':') {
            None => (name, None),
            Some((name, class)) => (name, Some(class.parse()?)),
        };
        let when = parse_when(plan).ok_or_else(|| format!("{text:?}: {plan:?} is no rate and no list"))?;
        self.triggers.insert(FaultName::from_str(name)?, Trigger { when, limit, class });
        Ok(())
    }
}

fn parse_when(plan: &str) -> Option<When> {
    match plan.strip_prefix('=') {
        Some(rate) => rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).map(When::Rate),
        None => {
            let ordinals: Result<BTreeSet<u64>, _> =
                plan.strip_prefix('@')?.split(',').map(str::parse).collect();
            ordinals.ok().map(When::At)
        }
    }
}

/// The faults one request met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Struck(BTreeSet<FaultName>);

impl Struck {
    pub(crate) fn has(&self, name: FaultName) -> bool {
        self.0.contains(&name)
    }
}

/// The chances so far.
#[derive(Debug)]
pub(crate) struct FaultBook {
    seed: u64,
    pub(crate) faults: Faults,
    chances: BTreeMap<FaultName, u64>,
    fired: BTreeMap<FaultName, u64>,
}

impl FaultBook {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self { seed: child(seed, "faults"), faults, chances: BTreeMap::new(), fired: BTreeMap::new() }
    }

    /// Counts a chance for every fault that fits the class, and says which strike.
    pub(crate) fn strike(&mut self, class: RequestClass) -> Struck {
        let mut struck = BTreeSet::new();
        for (name, trigger) in &self.faults.triggers {
            if !name.fits(class) || trigger.class.is_some_and(|only| only != class) {
                continue;
            }
            let chance = self.chances.entry(*name).or_insert(0);
            *chance += 1;
            let spent =
                trigger.limit.is_some_and(|limit| self.fired.get(name).copied().unwrap_or(0) >= limit);
            let hit = match &trigger.when {
                When::Rate(rate) => unit(child(self.seed, name.name()), *chance) < *rate,
                When::At(ordinals) => ordinals.contains(chance),
            };
            if hit && !spent {
                struck.insert(*name);
            }
        }
        Struck(struck)
    }

    /// Says whether a request met a fault, and if so counts it as fired: ask only where it is applied.
    pub(crate) fn fires(&mut self, struck: &Struck, name: FaultName) -> bool {
        let hit = struck.has(name);
        if hit {
            *self.fired.entry(name).or_insert(0) += 1;
        }
        hit
    }

    pub(crate) const fn fired(&self) -> &BTreeMap<FaultName, u64> {
        &self.fired
    }
}

#[cfg(test)]
mod tests;
