//! Tests of the whole program: against the simulator in virtual time, and as a real process.

#![cfg(test)]

mod account;
mod mounts;
mod program;
mod scenario;
mod stored;

mod away;
mod bad_input;
mod bench;
mod commands;
mod conversions;
mod folder;
mod kill;
mod memory;
mod peers_process;
mod pins;
mod replay;
mod runbook_log;
mod seeds;
mod semantics;
mod soak;
mod stop;
