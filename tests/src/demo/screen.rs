//! What the demo shows: steps, facts with their times, and what is going on while something takes long.
//!
//! On a terminal the last line moves while work is done, and there are colours unless `NO_COLOR` is set.
//! Elsewhere there are whole lines alone, and no escape codes.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Columns of the text of a fact; its time stands behind them.
const TEXT: usize = 66;
/// Columns of the names of what is prepared.
const NAME: usize = 15;
/// How often the moving line moves.
const FRAME: Duration = Duration::from_millis(100);
/// How often whole lines tell that something still goes on.
const PATIENCE: Duration = Duration::from_secs(15);
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    terminal: bool,
    colours: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { terminal, colours: terminal && !unwanted }
    }

    /// The name of the whole.
    pub(crate) fn title(self, title: &str, explanation: &str) {
        put(&format!("\n{} – {explanation}\n", self.paint(BOLD, title)));
    }

    /// The beginning of a step of the story.
    pub(crate) fn step(self, number: usize, title: &str) {
        put(&format!("\n{}\n", self.paint(BOLD, &format!("{number}  {title}"))));
    }

    /// A remark.
    #[expect(clippy::unused_self, reason = "it is called as the others are")]
    pub(crate) fn note(self, text: impl Display) {
        put(&format!("   {text}\n"));
    }

    /// What a person would type.
    pub(crate) fn command(self, text: impl Display) {
        put(&format!("   {} {}\n", self.paint(DIM, "$"), self.paint(CYAN, &text.to_string())));
    }

    /// A fact that was verified just now, and the time that it took.
    pub(crate) fn fact(self, text: impl Display, took: Option<Duration>) {
        put(&format!("   {} {}\n", self.paint(GREEN, "✓"), self.timed(&text.to_string(), TEXT, took)));
    }

    /// What windlass said against something, as it should.
    pub(crate) fn refusal(self, text: impl Display) {
        put(&format!("   {} {text}\n", self.paint(YELLOW, "!")));
    }

    /// The end of a run that did not hold.
    pub(crate) fn failure(self, text: impl Display) {
        put(&format!("\n{} {text}\n", self.paint(RED, "✗")));
    }

    /// The end of a run that did.
    pub(crate) fn success(self, text: impl Display) {
        put(&format!("\n{} {text}\n", self.paint(GREEN, "✓")));
    }

    /// A name and what it stands for.
    pub(crate) fn entry(self, name: &str, text: impl Display) {
        put(&format!("   {}{text}\n", self.paint(DIM, &format!("{name:NAME$}"))));
    }

    /// A heading without a number.
    pub(crate) fn heading(self, text: &str) {
        put(&format!("\n{}\n", self.paint(BOLD, text)));
    }

    /// Shows that something goes on, until the task ends.
    pub(crate) fn task(self, name: &str) -> Task {
        Task::start(self, name)
    }

    /// Takes the moving line away.
    fn clear(self) {
        if self.terminal {
            put("\r\x1b[2K");
        }
    }

    fn timed(self, text: &str, columns: usize, took: Option<Duration>) -> String {
        match took {
            None => text.to_owned(),
            Some(took) => format!("{text:columns$} {}", self.paint(DIM, &format!("{:>9}", time(took)))),
        }
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Something that takes its time. Dropping it takes its line away.
pub(crate) struct Task {
    screen: Screen,
    name: String,
    began: Instant,
    said: Arc<Mutex<String>>,
    ticking: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Task {
    fn start(screen: Screen, name: &str) -> Self {
        let (stop, stopped) = mpsc::channel();
        let began = Instant::now();
        let said = Arc::new(Mutex::new(String::new()));
        let (heard, owned) = (Arc::clone(&said), name.to_owned());
        let tick = move || {
            let every = if screen.terminal { FRAME } else { PATIENCE };
            let mut frames = FRAMES.iter().cycle();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let what = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let seconds = began.elapsed().as_secs();
                let text = format!("{owned:NAME$}{what}");
                if let (true, Some(frame)) = (screen.terminal, frames.next()) {
                    // One column is left free, or some terminals begin a new line.
                    let room = columns().saturating_sub(16);
                    let text: String = text.chars().take(room).collect();
                    let seconds = screen.paint(DIM, &format!("{seconds} s"));
                    put(&format!("\r\x1b[2K   {} {text} {seconds}", screen.paint(CYAN, frame)));
                } else {
                    put(&format!("   … {text} ({seconds} s)\n"));
                }
            }
        };
        let ticking = Some((stop, std::thread::spawn(tick)));
        Self { screen, name: name.to_owned(), began, said, ticking }
    }

    /// What is being done at the moment.
    pub(crate) fn say(&self, text: &str) {
        text.clone_into(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Something that says what is being done, for whoever works.
    pub(crate) fn listener(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let said = Arc::clone(&self.said);
        move |text| text.clone_into(&mut said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it with what came of it.
    pub(crate) fn done(mut self, outcome: impl Display) {
        self.stop();
        self.screen.fact(format!("{:NAME$}{outcome}", self.name), Some(self.began.elapsed()));
    }

    fn stop(&mut self) {
        if let Some((stop, ticking)) = self.ticking.take() {
            drop(stop);
            // It does nothing that could panic, and nobody could be told.
            _ = ticking.join();
            self.screen.clear();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A time with as many digits as are worth reading.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{} ms", time.as_millis()),
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        _ => format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col).max(40))
}

/// Writes what a reader that has gone away needn't see.
fn put(text: &str) {
    let mut out = io::stdout().lock();
    _ = out.write_all(text.as_bytes());
    _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_that_are_worth_reading() {
        assert_eq!(time(Duration::from_micros(12_345)), "12 ms");
        assert_eq!(time(Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(time(Duration::from_secs(61)), "1 min 01 s");
    }

    #[test]
    fn without_colours_nothing_is_painted() {
        let screen = Screen { terminal: false, colours: false };
        assert_eq!(screen.paint(BOLD, "text"), "text");
        assert_eq!(screen.timed("text", 6, Some(Duration::from_secs(2))), "text       2.0 s");
    }
}
