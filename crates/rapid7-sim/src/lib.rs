//! A simulator of the Rapid7 Log Search API, and of the CSV pages endpoint that some gateways offer.
//!
//! [`Account`] decides every answer from a request and a moment, without socket or clock; [`serve`] puts one
//! behind HTTP. Shares no code with the client it tests, so it cannot share its mistakes, and never talks to
//! a live service. The same seed gives the same logs, answers and faults.

mod account;
mod civil;
mod config;
mod faults;
mod http;
mod leql;
mod messages;
mod quota;
mod rng;
mod semantics;
mod server;
mod spec;
mod store;
mod text;
mod timeline;

pub use account::{Account, LogTruth, Stats, TruthEvent};
pub use civil::parse_moment;
pub use config::SimConfig;
pub use faults::{FAULTS, FaultInfo, FaultName, Faults, RequestClass, Trigger, When};
pub use http::{Delivery, ReplyBody, SimReply, SimRequest};
pub use messages::{CSV_HEADER, ENTRY_CHARS_MAX, Kind};
pub use quota::Quotas;
pub use semantics::{Bound, CsvAnswer, LinkStyle, SWITCHES, Semantics, SubmitAnswer, Switch};
pub use server::{Clock, Server, serve, serve_with_clock};
pub use spec::{LogSource, LogSpec};
pub use timeline::Stamp;
