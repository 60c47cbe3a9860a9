//! Decisions of log-ingestion, and nothing else.
//!
//! Everything here is a function of its arguments: ids and time, the planner, the API's query
//! protocol, quotas, retries, the rules of the ledger, a table's schema and its lattice. It never opens a
//! socket or a file, never reads a clock or the environment, and never draws a random number: callers
//! pass `now` and entropy in.

pub mod api;
pub mod audit;
pub mod bounds;
pub mod breaker;
pub mod catalog;
pub mod count;
pub mod csv_pages;
pub mod events;
pub mod ids;
pub mod ledger;
pub mod outlook;
pub mod plan;
pub mod quota;
pub mod records;
pub mod retention;
pub mod retry;
pub mod schema;
pub mod shape;
pub mod space;
pub mod time;
pub mod upkeep;
