//! Tables of text for people: columns as wide as their widest cell.

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table with a header line. Rows that are short end in empty cells.
pub(crate) fn table(columns: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], at: usize| row.get(at).map(|text| plain(text)).unwrap_or_default();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let widest = rows.iter().map(|row| cell(row, at).chars().count()).max().unwrap_or(0);
            widest.max(name.chars().count())
        })
        .collect();
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (at, ((_, align), width)) in columns.iter().zip(&widths).enumerate() {
            let value = cell(cells, at);
            let width = *width;
            match align {
                Align::Left => text.push_str(&format!("{value:<width$}  ")),
                Align::Right => text.push_str(&format!("{value:>width$}  ")),
            }
        }
        format!("{}\n", text.trim_end())
    };
    let head: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut text = line(&head);
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

/// A text that can do nothing to a terminal, nor to how the line around it reads: names of logs are the senders' to choose.
pub(crate) fn plain(text: &str) -> String {
    /// Characters that turn the direction of what follows, or cannot be seen at all.
    const UNSEEN: [std::ops::RangeInclusive<char>; 5] = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{61c}'..='\u{61c}',
    ];
    let odd = |c: char| c.is_control() || UNSEEN.iter().any(|range| range.contains(&c));
    text.chars().map(|c| if odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A whole number with commas: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_turn_or_colour_a_line_is_shown_as_unknown() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c\n\u{9b}d"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}\u{fffd}d");
        assert_eq!(plain("größe 日本 🔥"), "größe 日本 🔥");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["web".to_owned(), grouped(1_234_567)], vec!["firewall".to_owned(), grouped(89)]];
        let text = table(&[("log", Align::Left), ("events", Align::Right)], &rows);
        assert_eq!(text, "log          events\nweb       1,234,567\nfirewall         89\n");
    }
}
