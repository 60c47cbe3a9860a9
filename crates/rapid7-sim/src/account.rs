//! Decides every answer of the service from a request and a moment.
//!
//! Never touches a socket or a clock: `handle` is a function of the account's state, `now_ms` and the
//! request, so that a test can drive it in virtual time. Order of the checks: faults of the connection, key,
//! quota, faults of the gateway, the route itself, faults of the body.

mod control;
mod csv_pages;
mod download;
mod errors;
mod gate;
mod links;
mod management;
mod queries;
mod render;
mod route;
mod select;
mod statistics;
mod submit;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use control::{LogTruth, Stats, TruthEvent};

use crate::civil::http_date;
use crate::config::SimConfig;
use crate::faults::{FaultBook, FaultName, RequestClass, Struck};
use crate::http::{Delivery, Params, SimReply, SimRequest};
use crate::quota::{QuotaBook, Standing};
use crate::store::{Ground, LogStore};
use errors::ApiError;
use queries::Continuations;
use route::Route;

/// The whole service: one organisation with its logs.
#[derive(Debug)]
pub struct Account {
    config: SimConfig,
    logs: Vec<Arc<LogStore>>,
    deleted: BTreeSet<usize>,
    keys: BTreeSet<String>,
    key_revoked: bool,
    quotas: QuotaBook,
    faults: FaultBook,
    continuations: Continuations,
    /// Polls answer 429 until then.
    polls_blocked_until_ms: i64,
    /// Requests so far, control routes apart.
    ordinal: u64,
    /// Links made so far; decides the form of alternating ones.
    links: u64,
    requests: BTreeMap<RequestClass, BTreeMap<u16, u64>>,
    max_concurrent: u64,
}

/// One request on its way through the account.
struct Call<'a> {
    now_ms: i64,
    request: &'a SimRequest,
    params: Params,
    class: RequestClass,
    struck: Struck,
}

impl Account {
    /// Makes the logs. `now_ms` places those without a span of their own; a `file:` source that was not
    /// loaded is an empty log.
    pub fn new(config: SimConfig, now_ms: i64) -> Self {
        let (from_ms, to_ms) = config.span(now_ms);
        let mut names = BTreeSet::new();
        let mut logs = Vec::with_capacity(config.logs.len());
        for (ordinal, spec) in config.logs.iter().enumerate() {
            let ground = Ground { seed: config.seed, from_ms, to_ms, twin: !names.insert(&spec.name) };
            logs.push(Arc::new(LogStore::new(spec, ordinal, &ground)));
        }
        Self {
            logs,
            deleted: BTreeSet::new(),
            keys: BTreeSet::from([config.api_key.clone()]),
            key_revoked: false,
            quotas: QuotaBook::new(config.quotas.clone()),
            faults: FaultBook::new(config.seed, config.faults.clone()),
            continuations: Continuations::default(),
            polls_blocked_until_ms: i64::MIN,
            ordinal: 0,
            links: 0,
            requests: BTreeMap::new(),
            max_concurrent: 0,
            config,
        }
    }

    /// Answers one request at one moment.
    pub fn handle(&mut self, now_ms: i64, request: &SimRequest) -> SimReply {
        let params = request.params();
        if let Some(reply) = self.control(request, &params) {
            return reply;
        }
        self.ordinal += 1;
        let route = Route::of(request, &params, now_ms);
        let class = route.class(&params);
        let struck = self.faults.strike(class);
        let call = Call { now_ms, request, params, class, struck };
        let mut reply = self.answer(&call, route);
        self.date(&call, &mut reply);
        let status = if reply.delivery == Delivery::ResetBeforeHead { 0 } else { reply.status };
        *self.requests.entry(class).or_default().entry(status).or_insert(0) += 1;
        reply
    }

    /// Notes how many requests are under way; only the shell knows.
    pub fn note_concurrency(&mut self, under_way: u64) {
        self.max_concurrent = self.max_concurrent.max(under_way);
    }

    fn answer(&mut self, call: &Call<'_>, route: Route) -> SimReply {
        if self.faults.fires(&call.struck, FaultName::ConnectionReset) {
            let mut reply = SimReply::new(503, "text/plain", Vec::new());
            reply.delivery = Delivery::ResetBeforeHead;
            return reply;
        }
        if !self.may_enter(call, &route) {
            return ApiError::unauthorized().reply(&self.config.semantics);
        }
        let standing = self.quotas.count(call.class, call.now_ms);
        if let Some(over) = standing.filter(|standing| standing.exceeded) {
            return self.too_many(over, over.reset_s);
        }
        let mut reply = match self.gateway_fault(call, standing) {
            Some(reply) => reply,
            None => match self.serve(call, route) {
                Ok(reply) => self.body_fault(call, reply),
                Err(refusal) => refusal.reply(&self.config.semantics),
            },
        };
        if let Some(standing) = standing.filter(|_| reply.header("X-RateLimit-Limit").is_none()) {
            self.put_standing(&mut reply, standing);
        }
        self.pace(call, &mut reply);
        reply
    }

    fn serve(&mut self, call: &Call<'_>, route: Route) -> Result<SimReply, ApiError> {
        let posts = matches!(route, Route::Submit(Ok(ref query)) if query.posted);
        let refused_post = matches!(route, Route::Submit(Err(_))) && call.request.method == "POST";
        if call.request.method != "GET" && !posts && !refused_post {
            return Err(ApiError::method());
        }
        if call.request.method == "GET" && !call.request.body.is_empty() && !call.request.is_json() {
            return Err(ApiError::media());
        }
        match route {
            Route::Endpoints => Ok(self.endpoints(call)),
            Route::Validate => Ok(SimReply::json(200, &serde_json::json!({ "message": "Authorized" }))),
            Route::Submit(query) => self.submit(call, *query?),
            Route::Poll(id) => self.poll(call, &id),
            Route::Download(ids) => self.download(call, &ids),
            Route::Management(words) => self.management(call, &words),
            Route::Usage(words) => self.usage(call, &words),
            Route::CsvPage => self.csv_page(call),
            Route::CsvProbe => Ok(SimReply::json(200, &serde_json::json!({ "status": "ok" }))),
            Route::SavedQueries => Ok(SimReply::json(200, &serde_json::json!({ "saved_queries": [] }))),
            Route::Nothing => Err(ApiError::missing()),
        }
    }

    fn put_standing(&self, reply: &mut SimReply, standing: Standing) {
        if self.config.semantics.rate_headers {
            reply.set("X-RateLimit-Limit", standing.limit.to_string());
            reply.set("X-RateLimit-Remaining", standing.remaining.to_string());
            reply.set("X-RateLimit-Reset", standing.reset_s.to_string());
        }
    }

    fn date(&mut self, call: &Call<'_>, reply: &mut SimReply) {
        let skewed = self.faults.fires(&call.struck, FaultName::ClockSkew);
        let skew_ms = if skewed { self.faults.faults.clock_skew_s * 1_000 } else { 0 };
        reply.set("Date", http_date(call.now_ms + skew_ms));
        let media = reply.header("Content-Type").unwrap_or("");
        if self.config.semantics.content_type_charset && media == "application/json" {
            reply.set("Content-Type", "application/json;charset=utf-8");
        }
    }

    /// The place of a log by id; a deleted one is gone.
    fn log_at(&self, id: &str) -> Option<usize> {
        self.logs.iter().position(|log| log.id == id).filter(|at| !self.deleted.contains(at))
    }

    /// The logs that still exist, with their places.
    fn living(&self) -> impl Iterator<Item = (usize, &Arc<LogStore>)> {
        self.logs.iter().enumerate().filter(|(at, _)| !self.deleted.contains(at))
    }
}

#[cfg(test)]
mod tests;
