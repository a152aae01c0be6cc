//! Tables and times for people.
//!
//! A table is laid out from the widths of its columns alone, so rows can be
//! measured and printed in pages: memory does not grow with their number.

use comfy_table::{
    Attribute, Cell as Drawn, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
    Width,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use crate::duration;
use crate::redact::known;
use crate::text::printable;

const GAP: usize = 2;
/// Narrower than this a column cannot be read.
const MIN_WIDTH: usize = 6;

/// What a cell means, shown as colour and never by colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Warn,
    Dim,
}

/// One cell: text fit for a terminal, and its meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    /// What is shown instead where the table would not fit the terminal.
    short: Option<String>,
    tone: Tone,
}

impl Cell {
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Cell {
            text: printable(&known(text.as_ref())).into_owned(),
            short: None,
            tone,
        }
    }

    /// Adds a shorter text for narrow terminals.
    pub(crate) fn or_short(mut self, short: impl AsRef<str>) -> Self {
        self.short = Some(printable(&known(short.as_ref())).into_owned());
        self
    }

    fn shortest(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.text)
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::toned(text, Tone::Plain)
    }
}

/// A column's title; numbers stand to the right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    extra: bool,
}

impl Column {
    /// A last column that is left out where the terminal is too narrow for whole words.
    pub(crate) const fn extra(self) -> Self {
        Column {
            extra: true,
            ..self
        }
    }
}

pub(crate) const fn left(title: &'static str) -> Column {
    Column {
        title,
        right: false,
        extra: false,
    }
}

pub(crate) const fn right(title: &'static str) -> Column {
    Column {
        title,
        right: true,
        extra: false,
    }
}

/// Columns with the widths of what they will hold.
pub(crate) struct Layout {
    columns: Vec<Column>,
    /// Of the whole texts, of the short forms, and of the longest word in these.
    full: Vec<usize>,
    short: Vec<usize>,
    words: Vec<usize>,
}

/// How wide the columns that are shown are made, and whether cells show their short forms.
struct Fit {
    widths: Vec<usize>,
    short: bool,
}

impl Layout {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let titles: Vec<usize> = columns.iter().map(|column| column.title.width()).collect();
        let words = columns
            .iter()
            .map(|column| longest_word(column.title))
            .collect();
        Layout {
            columns: columns.to_vec(),
            full: titles.clone(),
            short: titles,
            words,
        }
    }

    /// Makes room for rows that will be printed.
    pub(crate) fn measure(&mut self, rows: &[Vec<Cell>]) {
        for row in rows {
            for (index, cell) in row.iter().enumerate().take(self.columns.len()) {
                self.full[index] = self.full[index].max(cell.text.width());
                self.short[index] = self.short[index].max(cell.shortest().width());
                // A number and its unit stay together.
                let whole = if self.columns[index].right {
                    cell.shortest().width()
                } else {
                    longest_word(cell.shortest())
                };
                self.words[index] = self.words[index].max(whole);
            }
        }
    }

    /// First the short forms, then narrower columns with whole words, then fewer
    /// columns, then broken words.
    fn fit(&self, available: Option<usize>) -> Fit {
        let room = |count: usize| {
            let gaps = GAP * count.saturating_sub(1);
            available.map_or(usize::MAX, |available| available.saturating_sub(gaps))
        };
        let all = self.columns.len();
        if self.full.iter().sum::<usize>() <= room(all) {
            return Fit {
                widths: self.full.clone(),
                short: false,
            };
        }
        let has_words = |count: usize| self.words[..count].iter().sum::<usize>() <= room(count);
        let extras = self.columns.iter().rev().take_while(|column| column.extra);
        let least = all - extras.count();
        let count = (least..=all)
            .rev()
            .find(|count| has_words(*count))
            .unwrap_or(least);
        let room = room(count);
        let mut widths = self.short[..count].to_vec();
        let least = vec![MIN_WIDTH; widths.len()];
        for floors in [&self.words, &least] {
            while widths.iter().sum::<usize>() > room {
                let shrinkable = widths
                    .iter_mut()
                    .zip(floors)
                    .filter(|(width, floor)| **width > **floor);
                let Some((widest, _)) = shrinkable.max() else {
                    break;
                };
                *widest -= 1;
            }
        }
        Fit {
            widths,
            short: true,
        }
    }

    /// Prints rows as text; `heading` for the first of several pages.
    pub(crate) fn print(
        &self,
        rows: Vec<Vec<Cell>>,
        heading: bool,
        terminal: Option<usize>,
        color: bool,
    ) -> String {
        let mut table = Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let fit = self.fit(terminal);
        let columns = &self.columns[..fit.widths.len()];
        let titles = columns
            .iter()
            .map(|column| Drawn::new(column.title).add_attribute(Attribute::Bold));
        if heading {
            table.set_header(titles);
        }
        table.add_rows(rows.into_iter().map(|row| {
            // A row may have cells for columns that are left out.
            row.into_iter()
                .take(columns.len())
                .map(|cell| draw(cell, fit.short))
                .collect::<Vec<_>>()
        }));
        let last = columns.len().saturating_sub(1);
        table.set_width(u16::MAX);
        for (index, (column, width)) in columns.iter().zip(fit.widths).enumerate() {
            let Some(drawn) = table.column_mut(index) else {
                continue;
            };
            let gap = if index == last { 0 } else { GAP };
            drawn.set_padding((0, u16::try_from(gap).unwrap_or_default()));
            let width = u16::try_from(width + gap).unwrap_or(u16::MAX);
            drawn.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            if column.right {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(str::width).max().unwrap_or_default()
}

fn draw(cell: Cell, short: bool) -> Drawn {
    let text = if short {
        cell.short.unwrap_or(cell.text)
    } else {
        cell.text
    };
    let drawn = Drawn::new_owned(text);
    match cell.tone {
        Tone::Plain => drawn,
        Tone::Good => drawn.fg(Color::Green),
        Tone::Bad => drawn.fg(Color::Red),
        Tone::Warn => drawn.fg(Color::Yellow),
        Tone::Dim => drawn.add_attribute(Attribute::Dim),
    }
}

/// A time as people read it: local and how long ago, or only that where room is scarce.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> Cell {
    let local = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M");
    let ago = ago(at, now);
    Cell::from(format!("{local} ({ago})")).or_short(ago)
}

/// How long ago, or that it lies ahead: a clock is wrong then.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    match std::time::Duration::try_from(now.duration_since(at)) {
        Ok(age) if age.as_secs() < 5 => "just now".into(),
        Ok(age) => format!("{} ago", duration::show(age)),
        Err(_) => "in the future".into(),
    }
}

/// A time that may be missing.
pub(crate) fn maybe_time(at: Option<Timestamp>, now: Timestamp) -> Cell {
    match at {
        Some(at) => time(at, now),
        None => Cell::toned("never", Tone::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_columns_go_before_words_are_broken() {
        let mut layout = Layout::new(&[left("NAME"), left("HEALTH"), left("NEWEST").extra()]);
        let row = || ["Acme", "configured", "yesterday"].map(Cell::from).to_vec();
        layout.measure(&[row()]);
        let print = |width| layout.print(vec![row()], true, Some(width), false);
        assert_eq!(
            print(27),
            "NAME  HEALTH      NEWEST\nAcme  configured  yesterday\n"
        );
        assert_eq!(print(26), "NAME  HEALTH\nAcme  configured\n");
    }

    fn table(width: Option<usize>) -> String {
        let mut layout = Layout::new(&[left("Company"), right("Size"), left("Path")]);
        let rows = vec![
            vec![
                "ООО «Ромашка»".into(),
                "1.0 KiB".into(),
                "/vertex-ar/romashka/backups".into(),
            ],
            vec!["Acme\u{1b}[2J".into(), "12.0 MiB".into(), "/a".into()],
        ];
        layout.measure(&rows);
        layout.print(rows, true, width, false)
    }

    #[test]
    fn columns_line_up_whatever_the_alphabet() {
        assert_eq!(
            table(None),
            "Company            Size  Path\n\
             ООО «Ромашка»   1.0 KiB  /vertex-ar/romashka/backups\n\
             Acme\\u{1b}[2J  12.0 MiB  /a\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_and_never_overflows() {
        for width in [30, 40, 60] {
            for line in table(Some(width)).lines() {
                assert!(line.width() <= width, "{line:?} is wider than {width}");
            }
        }
    }

    #[test]
    fn short_forms_come_before_broken_words() {
        let mut layout = Layout::new(&[left("A"), left("WHEN")]);
        let rows = || {
            vec![vec![
                "one".into(),
                Cell::from("2026-01-31 04:00 (2 h ago)").or_short("2 h ago"),
            ]]
        };
        layout.measure(&rows());
        assert_eq!(
            layout.print(rows(), false, Some(40), false),
            "one  2026-01-31 04:00 (2 h ago)\n"
        );
        assert_eq!(
            layout.print(rows(), false, Some(20), false),
            "one  2 h ago\n"
        );
    }

    #[test]
    fn pages_line_up_with_the_first() {
        let mut layout = Layout::new(&[left("A"), left("B")]);
        let page = |a: &str| vec![vec![Cell::from(a), Cell::from("x")]];
        layout.measure(&page("short"));
        layout.measure(&page("much longer"));
        assert_eq!(
            layout.print(page("short"), true, None, false),
            "A            B\nshort        x\n"
        );
        assert_eq!(
            layout.print(page("much longer"), false, None, false),
            "much longer  x\n"
        );
    }
}
