//! Generated texts for the benches: the same for every run, and small.
//!
//! Decides only what values look like: how many differ, and how they are written.

use std::fmt::Write as _;

/// A stream of numbers from one seed, by the splitmix64 recurrence.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self(7)
    }

    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }
}

/// Rows of an access log as CSV, agents in quotes.
pub(crate) fn access_csv(rows: u32) -> String {
    let mut numbers = Numbers::new();
    let mut text = "time,client,method,path,status,bytes,user_agent\n".to_owned();
    for row in 0..rows {
        let (second, host, page) = (row % 60, numbers.below(5_000), numbers.below(900));
        let (bytes, major) = (numbers.below(80_000), numbers.below(30));
        writeln!(
            text,
            "2026-02-10T10:{:02}:{second:02}.{:03}Z,198.51.{}.{},GET,\"/items/{page}?q=a, b\",200,{bytes},\
             \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0\"",
            row / 60 % 60,
            row % 1_000,
            host / 250,
            host % 250,
        )
        .unwrap();
    }
    text
}

/// Nested objects, a line each.
pub(crate) fn json_lines(rows: u32) -> String {
    let mut numbers = Numbers::new();
    let mut text = String::new();
    for row in 0..rows {
        let (user, ms, page) = (numbers.below(3_000), numbers.below(90_000), numbers.below(900));
        writeln!(
            text,
            "{{\"timestamp\":\"2026-02-10T10:00:00.{:03}Z\",\"user\":{{\"id\":{user},\"name\":\"user{user}\"}},\
             \"http\":{{\"path\":\"/items/{page}\",\"status\":200,\"ms\":{}.{:02}}},\"message\":\"served \\\"{page}\\\"\"}}",
            row % 1_000,
            ms / 100,
            ms % 100,
        )
        .unwrap();
    }
    text
}

/// What the only column of a CSV holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    Int64,
    Float64,
    Timestamp,
    /// Text of 50 different values.
    FewTexts,
    /// Text that never repeats.
    AllTexts,
}

impl Values {
    pub(crate) const ALL: [Self; 5] =
        [Self::Int64, Self::Float64, Self::Timestamp, Self::FewTexts, Self::AllTexts];
}

/// A CSV of one column.
pub(crate) fn one_column(values: Values, rows: u32) -> String {
    let mut numbers = Numbers::new();
    let mut text = "value\n".to_owned();
    for row in 0..rows {
        let number = numbers.below(1_000_000_000);
        match values {
            Values::Int64 => writeln!(text, "{number}"),
            Values::Float64 => writeln!(text, "{}.{:03}", number / 1_000, number % 1_000),
            Values::Timestamp => {
                writeln!(text, "2026-02-10T10:{:02}:{:02}.{:03}Z", row / 60 % 60, row % 60, number % 1_000)
            }
            Values::FewTexts => writeln!(text, "server-{}.example.com", number % 50),
            Values::AllTexts => writeln!(text, "session-{number:x}-{row:x}"),
        }
        .unwrap();
    }
    text
}
