//! Decides how a query runs: at once or over polls, page after page.
//!
//! Never decides which events match or how they are written.

use std::collections::BTreeMap;

use super::errors::ApiError;
use super::render::Body;
use super::select::{Page, Sight};
use super::statistics::too_fine;
use super::submit::{PER_PAGE_DEFAULT, Query, Target};
use super::{Account, Call};
use crate::faults::{FaultName, Struck};
use crate::http::SimReply;
use crate::leql::Statement;
use crate::rng::{hex40, mix, uuid};
use crate::semantics::SubmitAnswer;
use crate::text::{percent_encode, put};

/// Continuations kept at most; the oldest id goes first.
const CONTINUATIONS_MAX: usize = 10_000;
/// The statement that a server runs which forgot the one it was given.
const DEFAULT_STATEMENT: &str = "where(error)";
/// Events of a partial body.
const PARTIAL_EVENTS: usize = 3;

/// A query with its logs and the faults its submit met.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) query: Query,
    pub(super) logs: Vec<usize>,
    pub(super) struck: Struck,
}

#[derive(Debug, Clone)]
struct Pending {
    job: Job,
    polls_left: u32,
    touched_ms: i64,
}

/// Queries that are under way.
#[derive(Debug, Default)]
pub(super) struct Continuations(BTreeMap<String, Pending>);

impl Continuations {
    fn insert(&mut self, id: String, pending: Pending, expiry_ms: i64) {
        let oldest = pending.touched_ms.saturating_sub(expiry_ms);
        if self.0.len() >= CONTINUATIONS_MAX {
            self.0.retain(|_, known| known.touched_ms >= oldest);
        }
        while self.0.len() >= CONTINUATIONS_MAX {
            self.0.pop_first();
        }
        self.0.insert(id, pending);
    }

    /// Takes a continuation out, unless it is unknown or nobody asked for it in time.
    fn take(&mut self, id: &str, now_ms: i64, expiry_ms: i64) -> Option<Pending> {
        let found = self.0.remove(id)?;
        (now_ms.saturating_sub(found.touched_ms) <= expiry_ms).then_some(found)
    }
}

impl Account {
    pub(super) fn submit(&mut self, call: &Call<'_>, query: Query) -> Result<SimReply, ApiError> {
        let logs = self.resolve(&query.target)?;
        if too_fine(&query) {
            return Err(ApiError::syntax("timeslice has too many slices"));
        }
        if self.faults.fires(&call.struck, FaultName::LogDeleted) {
            self.deleted.extend(logs.first());
            return Err(ApiError::missing());
        }
        let mut job = Job { query, logs, struck: call.struck.clone() };
        if self.faults.fires(&call.struck, FaultName::DefaultQueryTrap) {
            let span = (job.query.to - job.query.from).max(1);
            job.query.from = job.query.from.saturating_sub(span);
            job.query.to = job.query.to.saturating_sub(span);
        }
        if self.faults.fires(&job.struck, FaultName::DefaultStatementTrap) {
            job.query.text = DEFAULT_STATEMENT.to_owned();
            job.query.statement =
                Statement::parse(DEFAULT_STATEMENT).map_err(|cause| ApiError::syntax(&cause))?;
        }
        if !self.answers_later(&job.query) {
            return Ok(self.done(call, &job));
        }
        let pending = Pending { job, polls_left: self.config.semantics.polls, touched_ms: call.now_ms };
        let id = self.new_id(&pending.job.query);
        let reply = self.running(call, &pending, &id, 202);
        self.continuations.insert(id, pending, self.config.semantics.continuation_expiry_ms);
        Ok(reply)
    }

    pub(super) fn poll(&mut self, call: &Call<'_>, id: &str) -> Result<SimReply, ApiError> {
        if !is_continuation(id) {
            return Err(ApiError::bad("The continuation id is not valid"));
        }
        let expiry_ms = self.config.semantics.continuation_expiry_ms;
        let taken = self.continuations.take(id, call.now_ms, expiry_ms);
        let mut pending = taken.ok_or_else(ApiError::missing)?;
        pending.polls_left = pending.polls_left.saturating_sub(1);
        pending.touched_ms = call.now_ms;
        let running = pending.polls_left > 0;
        let renew = running && self.config.semantics.self_link_changes;
        let id = if renew { self.new_id(&pending.job.query) } else { id.to_owned() };
        let reply = if running {
            self.running(call, &pending, &id, self.config.semantics.poll_running_status)
        } else {
            self.done(call, &pending.job)
        };
        self.continuations.insert(id, pending, expiry_ms);
        Ok(reply)
    }

    /// The places of the logs a query reads; any unknown one refuses the query.
    pub(super) fn resolve(&self, target: &Target) -> Result<Vec<usize>, ApiError> {
        let of_set = |wanted: &dyn Fn(&str) -> bool| {
            let members = self.living().filter(|(_, log)| log.logset.as_deref().is_some_and(wanted));
            members.map(|(at, _)| at).collect::<Vec<usize>>()
        };
        let mut out = Vec::new();
        match target {
            Target::Keys(keys) => {
                for key in keys {
                    out.push(self.log_at(key).ok_or_else(ApiError::missing)?);
                }
            }
            Target::SetId(id) => out = of_set(&|name| self.set_id(name) == *id),
            Target::SetNames(names) => {
                for wanted in names {
                    let members = of_set(&|name| name == wanted);
                    if members.is_empty() {
                        return Err(ApiError::missing());
                    }
                    out.extend(members);
                }
            }
        }
        out.sort_unstable();
        out.dedup();
        if out.is_empty() { Err(ApiError::missing()) } else { Ok(out) }
    }

    fn answers_later(&self, query: &Query) -> bool {
        match self.config.semantics.submit_answer {
            SubmitAnswer::Done => false,
            SubmitAnswer::Running => !query.next,
            SubmitAnswer::RunningEveryPage => true,
            SubmitAnswer::Mixed => !mix(self.config.seed ^ mix(self.ordinal)).is_multiple_of(3),
        }
    }

    fn new_id(&self, query: &Query) -> String {
        let seed = self.config.seed ^ mix(self.ordinal);
        let first = uuid(seed, "continuation");
        if query.statement.is_statistic() {
            return format!("{first}:1:{}::{}:", hex40(seed), hex40(seed ^ 1));
        }
        format!("{first}:0:{}:{}:{}:", hex40(seed), query.per_page, hex40(seed ^ 1))
    }

    fn running(&mut self, call: &Call<'_>, pending: &Pending, id: &str, status: u16) -> SimReply {
        let Pending { job, polls_left, .. } = pending;
        let mut href = format!("/query/{id}");
        if let Some(range) = job.query.time_range.as_deref().filter(|_| self.config.semantics.time_range_echo)
        {
            put!(&mut href, "?time_range={}", percent_encode(range));
        }
        let mut links = vec![self.link(call, "Self", &href)];
        let polls = self.config.semantics.polls;
        let progress = polls.saturating_sub(*polls_left) * 99 / polls.max(1);
        let mut hits = Vec::new();
        if !job.query.statement.is_statistic() {
            let page = self.search(call, job, false);
            if let Some(next) = self.next_href(job, &page).filter(|_| self.config.semantics.running_has_next)
            {
                links.push(self.link(call, "Next", &next));
            }
            hits = page.hits;
            let shown = if self.config.semantics.partial_events_while_running { PARTIAL_EVENTS } else { 0 };
            hits.truncate(shown);
        }
        let body = Body { job, running: Some((id, progress)), hits: &hits, links };
        self.events_reply(call, status, &body)
    }

    fn done(&mut self, call: &Call<'_>, job: &Job) -> SimReply {
        let beyond_fault = self.faults.fires(&job.struck, FaultName::BeyondRetentionEmpty);
        let mut reply = if job.query.statement.is_statistic() {
            self.statistics_reply(call, job, beyond_fault)
        } else if beyond_fault {
            self.events_reply(call, 200, &Body { job, running: None, hits: &[], links: Vec::new() })
        } else {
            self.page_reply(call, job)
        };
        if beyond_fault || self.beyond_retention(call, job) {
            reply.set("x-beyond-retention", "true");
            reply.set("x-beyond-retention-message", "Part of the range lies beyond the retention of the log");
        }
        reply
    }

    fn page_reply(&mut self, call: &Call<'_>, job: &Job) -> SimReply {
        let repeat =
            job.query.sequence.is_some() && self.faults.fires(&job.struck, FaultName::DuplicateAtBorder);
        let mut page = self.search(call, job, repeat);
        let mut next = self.next_href(job, &page);
        let first = page.hits.first().copied();
        if let Some(first) = first.filter(|_| job.query.skip) {
            next = Some(self.href_before(job, first));
            page.hits.clear();
        } else if let Some(first) =
            first.filter(|_| self.faults.fires(&job.struck, FaultName::EmptyPageWithNext))
        {
            next = Some(self.href_before(job, first));
            page.hits.clear();
        } else if next.is_some() && self.faults.fires(&job.struck, FaultName::NextLinkRepeats) {
            next = Some(self.same_href(job));
        }
        if next.is_some() && self.faults.fires(&job.struck, FaultName::NextLinkMissing) {
            next = None;
        }
        for (fault, size) in [
            (FaultName::ShrunkPerPage, PER_PAGE_DEFAULT),
            (FaultName::DwindlingPerPage, (job.query.per_page / 2).max(1)),
        ] {
            if next.is_some() && self.faults.fires(&job.struck, fault) {
                let (from, to) = (format!("per_page={}&", job.query.per_page), format!("per_page={size}&"));
                next = next.map(|href| href.replace(&from, &to));
            }
        }
        let links = next.map(|href| self.link(call, "Next", &href)).into_iter().collect();
        self.events_reply(call, 200, &Body { job, running: None, hits: &page.hits, links })
    }

    fn search(&self, call: &Call<'_>, job: &Job, repeat_cursor: bool) -> Page {
        let lag_ms = self.config.semantics.visibility_lag_ms;
        let sight = Sight { now_ms: call.now_ms, lag_ms, repeat_cursor };
        self.page(&job.query, self.spans(&job.query, &job.logs, sight))
    }

    fn beyond_retention(&self, call: &Call<'_>, job: &Job) -> bool {
        let kept = job.logs.iter().filter_map(|log| self.logs.get(*log)?.retention_ms());
        kept.max().is_some_and(|keep| job.query.from < call.now_ms - keep)
    }
}

/// `uuid:digit:40hex:per_page or nothing:40hex:`
fn is_continuation(id: &str) -> bool {
    let hex = |text: &str, width| text.len() == width && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = id.split(':').collect();
    let [uuid, kind, first, per_page, second, ""] = parts.as_slice() else {
        return false;
    };
    hex(&uuid.replace('-', ""), 32)
        && matches!(*kind, "0" | "1")
        && hex(first, 40)
        && per_page.bytes().all(|byte| byte.is_ascii_digit())
        && hex(second, 40)
}
