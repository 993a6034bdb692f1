//! What several targets need.

pub mod drawing;
pub mod line;
pub mod page;
pub mod stream;

/// What the exporter promises of a text that a stranger had a hand in and a person reads: nothing in it acts on
/// the eye or the terminal.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
}
