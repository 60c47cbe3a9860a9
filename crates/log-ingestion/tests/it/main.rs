//! Tests of the whole program: against the simulator in virtual time, and as a real process.

#![cfg(test)]

mod account;
mod program;
mod scenario;
mod stored;

mod audit;
mod bad_input;
mod bench;
mod commands;
mod conversions;
mod extremes;
mod kill;
mod memory;
mod peers;
mod pins;
mod quota;
mod real_samples;
mod replay;
mod runbook_log;
mod scripted_disk;
mod seeds;
mod semantics;
mod tripwires;
