//! How the timeline speaks. Names are strangers' data: made printable, and cut.

use std::borrow::Cow;
use std::time::Duration;

use crate::inventory::part;
use crate::strangers::printable;

/// The most bytes of a sentence, and of a text in it that is not a name.
pub const LONGEST: usize = 600;
const LONGEST_PIECE: usize = 240;

/// A name in a sentence: no longer than a part of a label.
pub fn name(name: &str) -> String {
    let name = printable(name);
    match part(&name) {
        Cow::Borrowed(_) => name,
        Cow::Owned(short) => short,
    }
}

/// Somebody's words, or the beginning of them.
pub fn cut(text: &str) -> String {
    shorter(printable(text), LONGEST_PIECE)
}

/// A sentence of this room's, or the beginning of it.
pub fn sentence(text: String) -> String {
    shorter(text, LONGEST)
}

fn shorter(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - "…".len()));
        text.push('…');
    }
    text
}

/// The first letter large: of words of our own alone.
pub fn begun(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A span of time as a person says it.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// To the millisecond.
pub fn seconds(time: Duration) -> f64 {
    u32::try_from(time.as_millis())
        .map_or_else(|_| time.as_secs_f64().round(), |millis| f64::from(millis) / 1000.0)
}
