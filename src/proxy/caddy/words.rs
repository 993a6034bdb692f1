//! A label's value as the words of a Caddyfile.

use super::template::{self, UNREAD};
use crate::strangers::LONGEST;

/// The words of one label's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub words: Vec<String>,
    /// It holds what is not read here: a template, a brace, a comment that begins in quotes.
    pub unread: bool,
}

/// # Errors
/// What no template may look like.
pub(super) fn read(value: &str) -> Result<Words, &'static str> {
    if value.len() > LONGEST {
        return Ok(Words { words: Vec::new(), unread: true });
    }
    let words = split(&template::expand(value)?);
    let unread = words.iter().any(|word| is_unread(word));
    Ok(Words { words, unread })
}

/// The words go into a file that Caddy takes apart once more: there, these would be more or less than words.
fn is_unread(word: &str) -> bool {
    word == "{"
        || word == "}"
        || word.starts_with(['#', '"', '`'])
        || word.starts_with("<<")
        || word.contains([UNREAD, '\t', '`'])
}

/// Words are parted by white space, unless they begin with a quote; `\` keeps a quote in double quotes and the end of
/// a line outside of them; `#` at the beginning of a word makes the rest of the line a comment. Empty ones leave
/// nothing in the file.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let (mut escaped, mut comment) = (false, false);
    for c in text.chars() {
        if !escaped && c == '\\' && quote != Some('`') {
            escaped = true;
            continue;
        }
        match quote {
            Some('"') if escaped => {
                if c != '"' {
                    word.push('\\');
                }
                word.push(c);
                escaped = false;
            }
            Some(mark) if c == mark => {
                words.push(std::mem::take(&mut word));
                quote = None;
            }
            Some(_) => word.push(c),
            None if c.is_whitespace() => {
                if c == '\n' {
                    (escaped, comment) = (false, false);
                }
                if c != '\r' && !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None if comment => {}
            None if word.is_empty() && c == '#' => comment = true,
            None if word.is_empty() && matches!(c, '"' | '`') => quote = Some(c),
            None => {
                if escaped {
                    word.push('\\');
                    escaped = false;
                }
                word.push(c);
            }
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_in_a_caddyfile() {
        for (text, words) in [
            ("", &[][..]),
            ("  a b\tc\n d ", &["a", "b", "c", "d"]),
            ("\"a b c d\" \"abcd\"", &["a b c d", "abcd"]),
            ("`{\"some\":\"json\"}`", &["{\"some\":\"json\"}"]),
            ("\"a\\\"b\"", &["a\"b"]),
            ("\"a", &["a"]),
            ("a\"", &["a\""]),
            ("a\\\nb", &["a", "b"]),
            ("a\\b", &["a\\b"]),
            ("a #b c\nd", &["a", "d"]),
            ("a#b \"\" c", &["a#b", "c"]),
            ("a\r\nb", &["a", "b"]),
        ] {
            assert_eq!(split(text), words, "{text:?}");
        }
    }

    #[test]
    fn what_caddy_would_read_otherwise_is_not_read() {
        for value in ["{", "a }", "\"#b\"", "<<X\n y\nX", "{{.Names}}", "\"a\tb\"", &"x".repeat(LONGEST + 1)]
        {
            assert!(read(value).unwrap().unread, "{value}");
        }
        for value in ["{host}", "{$DOMAIN}", "a{ }b", "{{upstreams}}", "\"a b\""] {
            assert!(!read(value).unwrap().unread, "{value}");
        }
    }
}
