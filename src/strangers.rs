//! Words of strangers: cut to a bound where they come in, printable where they go out.

use std::char::EscapeDefault;

/// The longest name, label value or address text that is kept, in bytes.
pub const LONGEST: usize = 1024;

/// What a terminal or a reader's eye would act on: control characters, and those that turn the direction of writing or
/// have no width. And the two that are no characters and that XML does not take, as which a drawing is sent.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Such a character, made visible.
pub fn escaped(c: char) -> EscapeDefault {
    c.escape_default()
}

/// All of them made visible. Strangers choose the names that findings quote.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { out.extend(escaped(c)) } else { out.push(c) }
    }
    out
}

/// Cuts what a stranger wrote to [`LONGEST`] bytes, at a character's border.
pub fn bounded(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
