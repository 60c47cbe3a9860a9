//! `top`: a live view of a running service, drawn from its `/status`.
//!
//! Asks, draws, and hears keys; what is shown and what a key does is decided in `top::model` and `top::view`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use ingest_source::clock::Clock;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;

use super::print;
use crate::ask::{get, page};
use crate::cli::TopArgs;
use crate::exit::{CommandError, Exit};
use crate::settings::{self, Token};
use crate::surroundings::Surroundings;
use model::{Deed, Look, Status};
use view::Colours;

mod model;
mod view;

/// How often keys are looked for, so that a key is answered at once.
const KEYS_EVERY: Duration = Duration::from_millis(100);
/// Columns of the one picture that is printed where there is no terminal.
const PAGE_COLUMNS: u16 = 160;
/// Logs that Page Up and Page Down move by.
const PAGE_LOGS: i64 = 10;
/// Bytes of an answer that are read: 500 logs and 50 events are below half of it.
const ANSWER_MAX: usize = 1 << 20;

pub(crate) fn run(surroundings: &Surroundings, args: &TopArgs) -> Result<Exit, CommandError> {
    let service = Service::find(surroundings, args)?;
    let colours = Colours(settings::colours(&surroundings.layers));
    if args.once || !std::io::stdout().is_terminal() {
        let status = service.status()?;
        let page = Rect::new(0, 0, PAGE_COLUMNS, view::lines(&status));
        let mut buffer = Buffer::empty(page);
        view::draw(&status, Look::default(), Colours(false), page, &mut buffer);
        print(&view::text(&buffer))?;
        return Ok(Exit::Done);
    }
    // Asked once before the screen is taken: a service that is not there is said in a line.
    let first = service.status()?;
    let mut terminal = ratatui::try_init().map_err(|error| terminal_failed(&error))?;
    let outcome = watch(&mut terminal, &service, first, args.interval, colours);
    ratatui::try_restore().map_err(|error| terminal_failed(&error))?;
    outcome.map(|()| Exit::Done)
}

/// Draws and hears keys until a person quits.
fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    service: &Service,
    mut status: Status,
    interval: Duration,
    colours: Colours,
) -> Result<(), CommandError> {
    let mut look = Look::default();
    let mut asked = service.clock.now();
    loop {
        terminal
            .draw(|frame| view::draw(&status, look, colours, frame.area(), frame.buffer_mut()))
            .map_err(|error| terminal_failed(&error))?;
        if event::poll(KEYS_EVERY.min(interval)).map_err(|error| terminal_failed(&error))? {
            let heard = event::read().map_err(|error| terminal_failed(&error))?;
            look = deed(&heard).map_or(look, |deed| look.after(deed, status.logs.len()));
        }
        if look.over {
            return Ok(());
        }
        let now = service.clock.now();
        if !look.paused && now.minus(interval) >= asked {
            asked = now;
            // The last picture stays while the service is away; why is said in its place of state.
            match service.status() {
                Ok(new) => status = new,
                Err(CommandError::Failed(_, reason)) => {
                    (status.ready, status.reasons) = (false, vec![reason]);
                }
                Err(error @ CommandError::Settings(_)) => return Err(error),
            }
        }
    }
}

/// What a key means.
#[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing here")]
fn deed(heard: &Event) -> Option<Deed> {
    let Event::Key(key) = heard else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Deed::Quit),
        KeyCode::Char('q') | KeyCode::Esc => Some(Deed::Quit),
        KeyCode::Char('s') => Some(Deed::NextOrder),
        KeyCode::Char('p' | ' ') => Some(Deed::Pause),
        KeyCode::Down | KeyCode::Char('j') => Some(Deed::Scroll(1)),
        KeyCode::Up | KeyCode::Char('k') => Some(Deed::Scroll(-1)),
        KeyCode::PageDown => Some(Deed::Scroll(PAGE_LOGS)),
        KeyCode::PageUp => Some(Deed::Scroll(-PAGE_LOGS)),
        _ => None,
    }
}

/// A service that can be asked.
struct Service {
    url: String,
    token: Option<Token>,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Runtime,
}

impl Service {
    fn find(surroundings: &Surroundings, args: &TopArgs) -> Result<Self, CommandError> {
        let observing = settings::observing(&surroundings.layers)?;
        let served =
            args.url.clone().or_else(|| observing.addr.to_ask().map(|addr| format!("http://{addr}")));
        let served = served.ok_or_else(|| {
            let text = "METRICS_ADDR is off, so that no service can be asked; give its address with --url";
            CommandError::Failed(Exit::Settings, text.to_owned())
        })?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                CommandError::Failed(Exit::Failed, format!("failed to start the runtime: {error}"))
            })?;
        let (token, clock) = (observing.token, Arc::clone(&surroundings.clock));
        Ok(Self { url: page(&served, "status"), token, clock, runtime })
    }

    fn status(&self) -> Result<Status, CommandError> {
        let url = &self.url;
        let failed = |said: String| CommandError::Failed(Exit::Failed, said);
        let answer = self.runtime.block_on(get(url, self.token.as_ref().map(Token::reveal), ANSWER_MAX));
        let answer = answer.map_err(|error| {
            let said = crate::pipeline::chain(&error);
            failed(format!(
                "nobody answers at {url}: {said}; run --continuous serves there, see METRICS_ADDR"
            ))
        })?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body)
                .map_err(|error| failed(format!("what answers at {url} is not log-ingestion: {error}"))),
            401 => Err(failed(format!("{url} wants another token: give the service's METRICS_TOKEN"))),
            other => Err(failed(format!("{url} answers with status {other}, which log-ingestion does not"))),
        }
    }
}

fn terminal_failed(error: &std::io::Error) -> CommandError {
    CommandError::Failed(Exit::Failed, format!("failed to use the terminal: {error}"))
}
