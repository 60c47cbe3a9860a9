//! Estimates how many rows of a log are still to be fetched.
//!
//! Counted where windows are planned already, and as dense as these where they are not. Never asks for a count, and is for
//! people only: nothing is planned by it.

/// What is known of the rest of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outlook {
    unplanned_ms: u64,
    planned_ms: u64,
    planned_rows: u64,
    fetched_rows: u64,
}

impl Outlook {
    /// `ms` milliseconds of log time more are wanted, of which nothing is counted yet.
    pub const fn want(&mut self, ms: u64) {
        self.unplanned_ms = self.unplanned_ms.saturating_add(ms);
    }

    /// `ms` milliseconds of what is wanted hold `rows` rows.
    pub const fn plan(&mut self, ms: u64, rows: u64) {
        self.unplanned_ms = self.unplanned_ms.saturating_sub(ms);
        self.planned_ms = self.planned_ms.saturating_add(ms);
        self.planned_rows = self.planned_rows.saturating_add(rows);
    }

    /// `rows` rows have come.
    pub const fn fetched(&mut self, rows: u64) {
        self.fetched_rows = self.fetched_rows.saturating_add(rows);
    }

    /// Rows that are still to come, about.
    #[must_use]
    pub fn rows_left(&self) -> u64 {
        let dense = u128::from(self.planned_rows) * u128::from(self.unplanned_ms);
        let unplanned = dense.checked_div(u128::from(self.planned_ms)).unwrap_or(0);
        let planned = self.planned_rows.saturating_sub(self.fetched_rows);
        planned.saturating_add(u64::try_from(unplanned).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_is_taken_to_be_as_dense_as_what_is() {
        let mut outlook = Outlook::default();
        outlook.want(1_000);
        assert_eq!(outlook.rows_left(), 0, "nothing is known");
        outlook.plan(100, 50);
        assert_eq!(outlook.rows_left(), 500);
        outlook.fetched(20);
        assert_eq!(outlook.rows_left(), 480);
        outlook.plan(900, 10);
        assert_eq!(outlook.rows_left(), 40);
        outlook.fetched(100);
        assert_eq!(outlook.rows_left(), 0, "more came than was counted");
        outlook.want(u64::MAX);
        outlook.plan(1, u64::MAX);
        assert_eq!(outlook.rows_left(), u64::MAX);
    }
}
