//! Words of a rule, as Go's scanner parts them.

use std::iter::Peekable;
use std::str::Chars;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Name(String),
    /// Between quotes, which are away.
    Text(String),
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    /// A line ended where a sentence may end: there it ends.
    End,
}

/// Parts a rule; an error says what is no word.
pub fn words(rule: &str) -> Result<Vec<Token>, String> {
    let mut rest = rule.chars().peekable();
    let mut words = Vec::new();
    while let Some(c) = rest.next() {
        let token = match c {
            ' ' | '\t' | '\r' => continue,
            '\n' => {
                if matches!(words.last(), Some(Token::Name(_) | Token::Text(_) | Token::Close)) {
                    words.push(Token::End);
                }
                continue;
            }
            '/' => {
                skip_comment(&mut rest)?;
                continue;
            }
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '!' => Token::Not,
            '&' if rest.next_if_eq(&'&').is_some() => Token::And,
            '|' if rest.next_if_eq(&'|').is_some() => Token::Or,
            '`' => Token::Text(raw(&mut rest)?),
            '"' => Token::Text(quoted(&mut rest)?),
            c if c.is_alphabetic() || c == '_' => {
                let mut name = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                Token::Name(name)
            }
            c => return Err(format!("unexpected {c:?}")),
        };
        words.push(token);
    }
    Ok(words)
}

/// After the first slash. The end of a line, which ends `//`, is left where it is.
fn skip_comment(rest: &mut Peekable<Chars<'_>>) -> Result<(), String> {
    match rest.next() {
        Some('/') => {
            while rest.next_if(|c| *c != '\n').is_some() {}
            Ok(())
        }
        Some('*') => {
            let mut before = ' ';
            for c in rest.by_ref() {
                if before == '*' && c == '/' {
                    return Ok(());
                }
                before = c;
            }
            Err("a comment is not closed".to_owned())
        }
        _ => Err("unexpected '/'".to_owned()),
    }
}

/// Up to the next back quote, as it stands; Go leaves out carriage returns.
fn raw(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    for c in rest.by_ref() {
        match c {
            '`' => return Ok(text),
            '\r' => {}
            '\0' => return Err("a character NUL".to_owned()),
            c => text.push(c),
        }
    }
    Err("a back quote is not closed".to_owned())
}

/// Up to the next double quote, with Go's escapes. What is no UTF-8 then is marked with a replacement character.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut text = Vec::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(String::from_utf8_lossy(&text).into_owned()),
            '\n' => break,
            '\0' => return Err("a character NUL".to_owned()),
            '\\' => escaped(rest, &mut text)?,
            c => text.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Err("a double quote is not closed".to_owned())
}

fn escaped(rest: &mut Peekable<Chars<'_>>, into: &mut Vec<u8>) -> Result<(), String> {
    let unknown = || "an unknown escape sequence".to_owned();
    let c = rest.next().ok_or_else(unknown)?;
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(digits(rest, 2, 16, 0).ok_or_else(unknown)?).map_err(|_| unknown())?,
        '0'..='7' => {
            let first = c.to_digit(8).unwrap_or(0);
            u8::try_from(digits(rest, 2, 8, first).ok_or_else(unknown)?).map_err(|_| unknown())?
        }
        'u' | 'U' => {
            let number = digits(rest, if c == 'u' { 4 } else { 8 }, 16, 0).ok_or_else(unknown)?;
            let c = char::from_u32(number).ok_or_else(unknown)?;
            into.extend(c.encode_utf8(&mut [0; 4]).bytes());
            return Ok(());
        }
        _ => return Err(unknown()),
    };
    into.push(byte);
    Ok(())
}

/// So many digits, all of them.
fn digits(rest: &mut Peekable<Chars<'_>>, count: usize, base: u32, first: u32) -> Option<u32> {
    (0..count).try_fold(first, |number, _| {
        let digit = rest.next()?.to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}
