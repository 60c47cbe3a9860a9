//! The picture that `top` draws of a status.
//!
//! Only draws, into whatever buffer it is given: a terminal's, or that of a test. Decides no order.

use indicatif::{HumanBytes, HumanDuration};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, Widget as _};

use super::model::{Log, Look, Quota, Status, ordered};
use crate::table_text::grouped;

/// Lines of the head: state, pass, API, quotas.
const HEAD_LINES: u16 = 4;
/// Lines of events, with their title, where there is room.
const EVENT_LINES: u16 = 9;
/// Lag, in seconds, from which a log is shown as late: three passes at the default interval.
const LATE_SECONDS: f64 = 900.0;
/// What is left of the source's retention, in seconds, from which it is shown as urgent: two days.
const EDGE_SECONDS: f64 = 172_800.0;

/// Whether colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colours(pub(super) bool);

impl Colours {
    fn style(self, colour: Color) -> Style {
        if self.0 { Style::new().fg(colour) } else { Style::new() }
    }
}

/// Lines of a picture that shows all logs.
pub(super) fn lines(status: &Status) -> u16 {
    let logs = u16::try_from(status.logs.len()).unwrap_or(u16::MAX);
    HEAD_LINES.saturating_add(2).saturating_add(logs).saturating_add(event_lines(status))
}

fn event_lines(status: &Status) -> u16 {
    let said = u16::try_from(status.events.len()).unwrap_or(u16::MAX);
    said.saturating_add(1).min(EVENT_LINES)
}

/// Draws a status, as a person looks at it.
pub(super) fn draw(status: &Status, look: Look, colours: Colours, area: Rect, buffer: &mut Buffer) {
    let logs_at_least = Constraint::Min(3);
    let parts = [Constraint::Length(HEAD_LINES), logs_at_least, Constraint::Length(event_lines(status))];
    let [head, logs, events] = Layout::vertical(parts).areas(area);
    Paragraph::new(head_lines(status, look, colours)).render(head, buffer);
    draw_logs(status, look, colours, logs, buffer);
    draw_events(status, colours, events, buffer);
}

fn head_lines(status: &Status, look: Look, colours: Colours) -> Vec<Line<'static>> {
    let state = if status.ready {
        Span::styled("ready", colours.style(Color::Green))
    } else {
        Span::styled(format!("NOT READY: {}", status.reasons.join("; ")), colours.style(Color::Red))
    };
    let paused = if look.paused { "  PAUSED" } else { "" };
    let first = Line::from(vec![
        Span::styled("log-ingestion ", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!(
            "{}  {}  pid {}  {}  ",
            status.version,
            status.mode,
            status.pid,
            short(&status.now)
        )),
        state,
        Span::raw(paused),
    ]);
    let pass = &status.pass;
    let duration = pass.last_duration_seconds.map_or_else(|| "-".to_owned(), |took| format!("{took:.1} s"));
    let size =
        |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| HumanBytes(bytes).to_string());
    let second = format!(
        "pass {} {}  last took {duration}  last complete {}  memory {}  files {}  free {}",
        pass.number,
        if pass.running { "running" } else { "done" },
        pass.last_success.as_deref().map_or_else(|| "never".to_owned(), short),
        size(status.memory_bytes),
        size(status.disk.usage_bytes),
        size(status.disk.free_bytes),
    );
    let api = &status.api;
    let third = format!(
        "replies 200 {}  4xx {}  5xx {}  429 {}  refused {}  retries {}",
        grouped(api.ok),
        grouped(api.client_errors),
        grouped(api.server_errors),
        grouped(api.rate_limited),
        grouped(api.refused),
        grouped(api.retries),
    );
    let quotas: Vec<String> = status.quota.iter().map(quota).collect();
    let fourth =
        if quotas.is_empty() { "quota -".to_owned() } else { format!("quota {}", quotas.join("  ")) };
    vec![first, Line::raw(second), Line::raw(third), Line::raw(fourth)]
}

fn quota(quota: &Quota) -> String {
    let left = quota.remaining.map_or_else(|| "-".to_owned(), grouped);
    let resets = quota.resets_in_seconds.map_or_else(String::new, |seconds| format!(" ({seconds:.0} s)"));
    let open = if quota.circuit_open { " CIRCUIT OPEN" } else { "" };
    format!("{} {left}{resets}{open}", quota.class)
}

fn draw_logs(status: &Status, look: Look, colours: Colours, area: Rect, buffer: &mut Buffer) {
    let rows = ordered(&status.logs, look.order).into_iter().skip(look.first).map(|log| row(log, colours));
    let right = |name: &'static str| Cell::from(Line::raw(name).alignment(Alignment::Right));
    let head = Row::new(vec![
        Cell::from("log"),
        Cell::from("complete up to"),
        right("lag"),
        right("rows/s"),
        right("stored"),
        right("quarantined"),
        right("bytes"),
        right("windows"),
        right("open"),
        right("left at source"),
        Cell::from("last error"),
    ])
    .style(Style::new().add_modifier(Modifier::BOLD));
    let widths = [
        Constraint::Length(22),
        Constraint::Length(20),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(13),
        Constraint::Length(11),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(5),
        Constraint::Length(14),
        Constraint::Min(10),
    ];
    let more = status.logs.len().saturating_sub(look.first);
    let title = format!(" {} logs by {}, {more} from here ", status.logs.len(), look.order.name());
    let block = Block::new().borders(Borders::TOP).title(title);
    ratatui::widgets::Widget::render(Table::new(rows, widths).header(head).block(block), area, buffer);
}

fn row(log: &Log, colours: Colours) -> Row<'static> {
    let right = |text: String| Cell::from(Line::raw(text).alignment(Alignment::Right));
    let dash = || "-".to_owned();
    let marked = |text: String, marked: bool, colour: Color| {
        let style = if marked { colours.style(colour) } else { Style::new() };
        Cell::from(Line::styled(text, style).alignment(Alignment::Right))
    };
    let late = log.lag_seconds.is_none_or(|lag| lag >= LATE_SECONDS);
    let open = log.windows_open.saturating_add(log.windows_short);
    let edge = log.retention_left_seconds;
    Row::new(vec![
        Cell::from(log.log.clone()),
        Cell::from(log.position.as_deref().map_or_else(dash, short)),
        marked(log.lag_seconds.map_or_else(dash, seconds), late, Color::Yellow),
        right(format!("{:.0}", log.rows_per_second)),
        right(grouped(log.stored)),
        marked(grouped(log.quarantined), log.quarantined > 0, Color::Yellow),
        right(HumanBytes(log.bytes).to_string()),
        right(format!("{}/{}", log.windows_in_flight, log.windows_planned)),
        marked(open.to_string(), open > 0, Color::Red),
        marked(edge.map_or_else(dash, seconds), edge.is_some_and(|left| left < EDGE_SECONDS), Color::Red),
        Cell::from(log.last_error.clone().unwrap_or_default()),
    ])
}

fn draw_events(status: &Status, colours: Colours, area: Rect, buffer: &mut Buffer) {
    let room = usize::from(area.height.saturating_sub(1));
    let first = status.events.len().saturating_sub(room);
    let lines: Vec<Line<'_>> = status
        .events
        .iter()
        .skip(first)
        .map(|said| {
            let colour = match said.level.as_str() {
                "ERROR" => Color::Red,
                "WARNING" => Color::Yellow,
                _ => Color::Reset,
            };
            let level = Span::styled(format!("{:<7} ", said.level), colours.style(colour));
            Line::from(vec![
                Span::raw(format!("{} ", short(&said.time))),
                level,
                Span::raw(format!("{} {}", said.event, said.text)),
            ])
        })
        .collect();
    let title = " last events   q quit  s order  p pause  up/down scroll ";
    Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(title)).render(area, buffer);
}

/// An instant to the second, without the day's separator that only machines need.
fn short(instant: &str) -> String {
    instant.get(..19).map_or_else(|| instant.to_owned(), |to_seconds| to_seconds.replace('T', " "))
}

/// Seconds as a person says them.
fn seconds(seconds: f64) -> String {
    let span = std::time::Duration::try_from_secs_f64(seconds.max(0.0).round()).unwrap_or_default();
    format!("{:#}", HumanDuration(span))
}

/// The lines of a buffer, as they would stand on a terminal.
pub(super) fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let mut text = String::new();
    for line in buffer.content().chunks(width) {
        let cells: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(json: &str, width: u16, height: u16) -> String {
        let status: Status = serde_json::from_str(json).unwrap();
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&status, Look::default(), Colours(true), area, &mut buffer);
        text(&buffer)
    }

    const BUSY: &str = r#"{"version":"0.1.0","pid":7,"mode":"continuous","now":"2026-02-10T10:00:00.000Z","ready":true,
        "pass":{"number":3,"running":true,"last_success":"2026-02-10T09:55:00.000Z","last_duration_seconds":4.25},
        "logs":[{"log":"Firewall","position":"2026-02-10T09:50:00.000Z","lag_seconds":600.25,"stored":1234567,"bytes":2048,
                 "rows_per_second":812.4,"windows_in_flight":2,"windows_planned":9},
                {"log":"Web","windows_open":1,"last_error":"HTTP 503"}],
        "quota":[{"class":"query","remaining":480,"resets_in_seconds":12}],"api":{"200":1000,"5xx":2},
        "events":[{"time":"2026-02-10T09:59:59.000Z","level":"WARNING","event":"retry","text":"class=query"}]}"#;

    #[test]
    fn what_the_service_does_is_on_one_screen() {
        let text = picture(BUSY, 160, 24);
        for part in [
            "log-ingestion 0.1.0  continuous  pid 7  2026-02-10 10:00:00  ready",
            "pass 3 running  last took 4.2 s  last complete 2026-02-10 09:55:00",
            "replies 200 1,000  4xx 0  5xx 2",
            "quota query 480 (12 s)",
            "2 logs by lag",
            "1,234,567",
            "812",
            "2/9",
            "HTTP 503",
            "2026-02-10 09:59:59 WARNING retry class=query",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
        let lines: Vec<&str> = text.lines().collect();
        let place = |name: &str| lines.iter().position(|line| line.starts_with(name)).unwrap();
        assert!(place("Web") < place("Firewall"), "{text}");
    }

    #[test]
    fn reasons_stand_where_ready_would() {
        let text = picture(r#"{"reasons":["the API refuses the key"]}"#, 100, 20);
        assert!(text.contains("NOT READY: the API refuses the key"), "{text}");
    }

    #[test]
    fn any_size_of_terminal_will_do() {
        for (width, height) in [(0, 0), (1, 1), (20, 3), (80, 10), (400, 100)] {
            picture(BUSY, width, height);
        }
    }
}
