//! Decides how logs, log sets and labels are listed.
//!
//! Never changes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::errors::ApiError;
use super::render::LATE_LABEL;
use super::{Account, Call};
use crate::http::SimReply;
use crate::rng::uuid;
use crate::store::LogStore;

impl Account {
    pub(super) fn endpoints(&self, call: &Call<'_>) -> SimReply {
        let origin = &call.request.origin;
        let entry = |path: &str| json!({ "path": format!("{origin}/query/{path}"), "verbs": ["GET"] });
        let body = json!({
            "logs": entry("logs"), "logsets": entry("logsets"), "saved_queries": entry("saved_queries"),
        });
        SimReply::json(200, &body)
    }

    pub(super) fn management(&self, call: &Call<'_>, words: &[String]) -> Result<SimReply, ApiError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let origin = call.request.origin.as_str();
        let body = match words.as_slice() {
            ["logs"] => {
                json!({ "logs": self.living().map(|(_, log)| self.log(origin, log)).collect::<Vec<_>>() })
            }
            ["logs", id] => json!({ "log": self.log(origin, self.known(id)?) }),
            ["logs", id, "topkeys"] => {
                self.known(id)?;
                json!({ "topkeys": [{ "weight": 1.0, "key": "msg" }, { "weight": 12.5, "key": "level" }] })
            }
            ["logsets"] => {
                let sets = self.set_names().into_iter();
                json!({ "logsets": sets.map(|name| self.logset(origin, name)).collect::<Vec<_>>() })
            }
            ["logsets", id] => {
                let name = self.set_names().into_iter().find(|name| self.set_id(name) == *id);
                json!({ "logset": self.logset(origin, name.ok_or_else(ApiError::missing)?) })
            }
            ["labels"] => json!({ "labels": [label()] }),
            ["labels", LATE_LABEL] => json!({ "label": label() }),
            _ => return Err(ApiError::missing()),
        };
        Ok(self.packed(call, SimReply::json(200, &body)))
    }

    /// The stable id of a log set.
    pub(super) fn set_id(&self, name: &str) -> String {
        uuid(self.config.seed, &format!("log set {name}"))
    }

    fn known(&self, id: &str) -> Result<&LogStore, ApiError> {
        let log = self.log_at(id).and_then(|at| self.logs.get(at));
        log.map(AsRef::as_ref).ok_or_else(ApiError::missing)
    }

    fn set_names(&self) -> BTreeSet<&str> {
        self.living().filter_map(|(_, log)| log.logset.as_deref()).collect()
    }

    fn rrn(&self, kind: &str, id: &str) -> String {
        let organisation = uuid(self.config.seed, "organisation");
        format!("rrn:logsearch:{}:{organisation}:{kind}:{id}", self.config.region)
    }

    fn log(&self, origin: &str, log: &LogStore) -> Value {
        let sets = log.logset.iter().map(|name| {
            let id = self.set_id(name);
            let href = format!("{origin}/management/logsets/{id}");
            let rrn = self.rrn("logset", &id);
            json!({ "id": id, "name": name, "rrn": rrn, "links": [{ "rel": "Self", "href": href }] })
        });
        json!({
            "id": log.id,
            "name": log.name,
            "structures": [],
            "tokens": [uuid(self.config.seed, &format!("token {}", log.id))],
            "source_type": "token",
            "token_seed": null,
            "user_data": { "platform_managed": "true" },
            "retention_period": log.retention_period,
            "rrn": self.rrn("log", &log.id),
            "logsets_info": sets.collect::<Vec<_>>(),
            "links": [{
                "rel": "Related",
                "href": format!("{origin}/log_search/management/logs/{}/topkeys", log.id),
            }],
        })
    }

    fn logset(&self, origin: &str, name: &str) -> Value {
        let members = self.living().filter(|(_, log)| log.logset.as_deref() == Some(name));
        let logs = members.map(|(_, log)| {
            let href = format!("{origin}/management/logs/{}", log.id);
            let rrn = self.rrn("log", &log.id);
            json!({ "id": log.id, "name": log.name, "rrn": rrn, "links": [{ "rel": "Self", "href": href }] })
        });
        let id = self.set_id(name);
        json!({
            "id": id, "name": name, "description": null, "user_data": {},
            "logs_info": logs.collect::<Vec<_>>(), "rrn": self.rrn("logset", &id),
        })
    }
}

fn label() -> Value {
    json!({ "id": LATE_LABEL, "sn": 6, "name": "Out of order entry", "color": "ff0000", "reserved": true })
}
