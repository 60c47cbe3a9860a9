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
mod kill;
mod memory;
mod peers;
mod pins;
mod quota;
mod replay;
mod runbook_log;
mod scripted_disk;
mod seeds;
mod semantics;
mod space;
mod tripwires;
