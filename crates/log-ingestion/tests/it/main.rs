//! Tests of the whole program: against the simulator in virtual time, and as a real process.

#![cfg(test)]

mod account;
mod loopback;
mod mounts;
mod program;
mod scenario;
mod stored;

mod audit;
mod away;
mod bad_input;
mod bench;
mod canary;
mod commands;
mod conversions;
mod doctor;
mod every_operation;
mod extremes;
mod files;
mod folder;
mod health;
mod installing;
mod kill;
mod limits;
mod memory;
mod metrics;
mod names;
mod observed;
mod peers;
mod peers_process;
mod pins;
mod quota;
mod real_samples;
mod recovery;
mod replay;
mod rotation;
mod runbook;
mod runbook_log;
mod runbook_names;
mod scripted_disk;
mod semantics;
mod simulation;
mod soak;
mod space;
mod stop;
mod tripwires;
mod upkeep;
mod upkeep_kills;
mod upkeep_service;
