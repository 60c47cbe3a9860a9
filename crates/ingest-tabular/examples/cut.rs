//! Cuts a file of JSON lines into batches and stops there: `time` shows what parsing costs.
//!
//! Usage: `cut FILE`. Measures nothing itself and writes only how many batches there were.

use std::fs::File;
use std::io::{Read, Write};

use ingest_core::shape::{Body, Shape};
use ingest_tabular::{BATCH_ROWS, Batch, Framing, TextCutter};

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_default();
    let mut file = File::open(path)?;
    let shape = Shape { envelope: None, body: Body::Json };
    let mut cutter = TextCutter::new(&shape, Framing::LINES);
    let (mut batch, mut buffer, mut batches) = (Batch::default(), Vec::new(), 0_u64);
    loop {
        while cutter.wanted() > 0 {
            buffer.clear();
            if Read::by_ref(&mut file).take(cutter.wanted() as u64).read_to_end(&mut buffer)? == 0 {
                cutter.end();
            }
            cutter.fill(&buffer);
        }
        if !cutter.cut(BATCH_ROWS, &mut batch) {
            return writeln!(std::io::stdout(), "{batches} batches");
        }
        batches += 1;
    }
}
