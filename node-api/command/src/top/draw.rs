//! How a look fills a screen. Pure: what is chosen and scrolled to comes in, and a picture goes out.

use super::{
    sections::{Section, heading, sections},
    seen::Seen,
    table::{Align, Row, fitted},
};
use ratatui::{
    Frame,
    crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    layout::{Constraint, Layout},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Paragraph,
};

/// What the person at the terminal has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    section: usize,
    /// The first row that is shown.
    from: usize,
    /// Rows that there was room for when it was last drawn, and all there were.
    page: usize,
    rows: usize,
}

/// How many sections there are.
const SECTIONS: usize = 5;

impl Chosen {
    /// What a key does; `false` where it is to end.
    pub(super) fn press(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return true;
        }
        let last = self.rows.saturating_sub(self.page);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Tab | KeyCode::Right => self.turn_to(self.section + 1),
            KeyCode::BackTab | KeyCode::Left => self.turn_to(self.section + SECTIONS - 1),
            KeyCode::Down => self.from = (self.from + 1).min(last),
            KeyCode::Up => self.from = self.from.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => {
                self.from = (self.from + self.page.max(1)).min(last);
            }
            KeyCode::PageUp => self.from = self.from.saturating_sub(self.page.max(1)),
            KeyCode::Home => self.from = 0,
            KeyCode::End => self.from = last,
            _ => {}
        }
        true
    }

    fn turn_to(&mut self, section: usize) {
        self.section = section % SECTIONS;
        self.from = 0;
    }
}

/// Draws what was seen, or why nothing was.
pub(super) fn draw(frame: &mut Frame<'_>, seen: Result<&Seen, &String>, chosen: &mut Chosen) {
    let areas = Layout::vertical([
        Constraint::Length(4),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [top, body, bottom] = areas.areas(frame.area());
    let width = usize::from(frame.area().width);
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => {
            frame.render_widget(Paragraph::new(why.as_str()).wrap(Default::default()), body);
            frame.render_widget(Paragraph::new("q quit"), bottom);
            return;
        }
    };
    let sections = sections(seen);
    let [memory, folder] = heading(seen);
    let title = format!("zenoh-pinned {}  {memory}", env!("CARGO_PKG_VERSION"));
    let Some(section) = sections.get(chosen.section) else {
        return;
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let lines = vec![
        Line::styled(fitted(&title, width, Align::Left), bold),
        Line::raw(fitted(&folder, width, Align::Left)),
        tabs(&sections, chosen.section),
        Line::styled(
            section.table.header(width),
            Style::new().add_modifier(Modifier::REVERSED),
        ),
    ];
    frame.render_widget(Paragraph::new(lines), top);

    chosen.page = usize::from(body.height);
    chosen.rows = section.table.rows.len();
    chosen.from = chosen.from.min(chosen.rows.saturating_sub(chosen.page));
    let rows = section
        .table
        .rows
        .iter()
        .skip(chosen.from)
        .take(chosen.page);
    let rows: Vec<_> = rows
        .map(|row| {
            let line = section.table.line(row, width);
            match row {
                Row::Cells(_) => Line::raw(line),
                Row::Detail(_) => Line::styled(line, Style::new().add_modifier(Modifier::DIM)),
            }
        })
        .collect();
    let to = chosen.from + rows.len();
    frame.render_widget(Paragraph::new(rows), body);
    let place = match chosen.rows {
        0 => String::from("nothing"),
        rows => format!("{}-{to} of {rows}", chosen.from + 1),
    };
    let keys = format!("q quit  tab next  arrows scroll   {place}");
    frame.render_widget(Paragraph::new(fitted(&keys, width, Align::Left)), bottom);
}

fn tabs(sections: &[Section], chosen: usize) -> Line<'static> {
    let tabs = sections.iter().enumerate().flat_map(|(index, section)| {
        let style = match index == chosen {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new(),
        };
        let title = format!(" {} {} ", section.title, section.count);
        [Span::styled(title, style), Span::raw(" ")]
    });
    Line::from_iter(tabs)
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::{
        super::sections::tests::{a_busy_machine, nothing},
        *,
    };

    /// The screen's lines.
    fn drawn(seen: &Seen, chosen: &mut Chosen, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, Ok(seen), chosen))
            .unwrap();
        let buffer = terminal.backend().buffer().clone();
        let cells = buffer.content.chunks(usize::from(width));
        cells
            .map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect())
            .collect()
    }

    fn press(chosen: &mut Chosen, code: KeyCode) -> bool {
        chosen.press(KeyEvent::from(code))
    }

    #[test]
    fn ten_pools_and_fifty_consumers_are_read_in_80_by_24() {
        let seen = a_busy_machine();
        let mut chosen = Chosen::default();
        let screen = drawn(&seen, &mut chosen, 80, 24);
        assert!(screen[0].starts_with("zenoh-pinned"), "{screen:#?}");
        assert!(screen[2].contains("Pools 10") && screen[2].contains("Queues 50"));
        assert!(screen[3].starts_with("POOL"));
        assert!(screen[4].starts_with("camera/0") && screen[4].contains(".#?.#?"));
        assert!(screen[4].trim_end().ends_with("8.0 MiB"), "{screen:#?}");
        assert!(screen[23].contains("1-19 of 30"), "{screen:#?}");
        press(&mut chosen, KeyCode::End);
        let screen = drawn(&seen, &mut chosen, 80, 24);
        assert!(screen[23].contains("12-30 of 30"));
        assert!(screen.iter().any(|line| line.starts_with("camera/9")));
        press(&mut chosen, KeyCode::Tab);
        let screen = drawn(&seen, &mut chosen, 80, 24);
        assert!(screen[3].starts_with("WORKERS") && screen[4].starts_with("detector"));
        assert!(screen[3].ends_with("RESTARTS"), "{screen:#?}");
        press(&mut chosen, KeyCode::Tab);
        let screen = drawn(&seen, &mut chosen, 80, 24);
        assert!(screen[3].starts_with("PROCESS") && screen[23].contains("1-19 of"));
    }

    #[test]
    fn every_size_of_a_terminal_can_be_drawn_on() {
        let seen = a_busy_machine();
        for (width, height) in [(1, 1), (10, 3), (40, 5), (80, 24), (300, 100)] {
            let mut chosen = Chosen::default();
            for _ in 0..SECTIONS {
                drawn(&seen, &mut chosen, width, height);
                press(&mut chosen, KeyCode::PageDown);
                press(&mut chosen, KeyCode::Right);
            }
        }
    }

    #[test]
    fn keys_turn_scroll_and_end_and_never_leave_the_rows() {
        let seen = a_busy_machine();
        let mut chosen = Chosen::default();
        drawn(&seen, &mut chosen, 80, 24);
        assert!(press(&mut chosen, KeyCode::Up) && chosen.from == 0);
        (0..100).for_each(|_| assert!(press(&mut chosen, KeyCode::Down)));
        assert_eq!(chosen.from, 11);
        press(&mut chosen, KeyCode::Left);
        assert_eq!((chosen.section, chosen.from), (4, 0));
        press(&mut chosen, KeyCode::Tab);
        assert_eq!(chosen.section, 0);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert!(!chosen.press(control_c) && !press(&mut chosen, KeyCode::Char('q')));
        // Fewer rows than before.
        chosen.from = 25;
        drawn(&nothing(), &mut chosen, 80, 24);
        assert_eq!(chosen.from, 0);
    }

    #[test]
    fn what_cannot_be_seen_is_said_on_the_screen() {
        let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
        let why = String::from("what processes share cannot be read: no /proc");
        let mut chosen = Chosen::default();
        terminal
            .draw(|frame| draw(frame, Err(&why), &mut chosen))
            .unwrap();
        let cells = terminal.backend().buffer().content.iter();
        let text: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("cannot be read"));
    }
}
