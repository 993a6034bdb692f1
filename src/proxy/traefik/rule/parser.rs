//! The words of a rule as one expression: `&&` binds before `||`, `!` before both.

use std::slice::Iter;

use super::lexer::{Token, words};

/// How deep parentheses may be nested.
const DEEPEST: usize = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Two and more.
    All(Vec<Expression>),
    /// Two and more.
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Matcher {
        name: String,
        values: Vec<String>,
    },
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Traefik does not take it.
    Refused(String),
    /// We do not read it.
    TooDeep,
}

/// Reads a whole rule.
pub fn parse(rule: &str) -> Result<Expression, Fault> {
    let words = words(rule).map_err(Fault::Refused)?;
    let mut parser = Parser { rest: words.iter(), depth: 0 };
    let expression = parser.any()?;
    match parser.rest.as_slice() {
        [] | [Token::End] => Ok(expression),
        [word, ..] => Err(unexpected(Some(word))),
    }
}

struct Parser<'a> {
    rest: Iter<'a, Token>,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.all()?];
        while self.take(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.term()?];
        while self.take(&Token::And) {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    /// A matcher or parentheses, and how often it is denied.
    fn term(&mut self) -> Result<Expression, Fault> {
        let mut denied = false;
        while self.take(&Token::Not) {
            denied = !denied;
        }
        let inner = match self.rest.next() {
            Some(Token::Name(name)) => Expression::Matcher { name: name.clone(), values: self.values()? },
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(Fault::TooDeep);
                }
                let inner = self.any()?;
                self.depth -= 1;
                self.expect(&Token::Close)?;
                inner
            }
            word => return Err(unexpected(word)),
        };
        Ok(if denied { Expression::Not(Box::new(inner)) } else { inner })
    }

    /// The values of a matcher: texts between commas, of which the last may have one behind it.
    fn values(&mut self) -> Result<Vec<String>, Fault> {
        self.expect(&Token::Open)?;
        let mut values = Vec::new();
        loop {
            if self.take(&Token::Close) {
                return Ok(values);
            }
            match self.rest.next() {
                Some(Token::Text(text)) => values.push(text.clone()),
                word => return Err(unexpected(word)),
            }
            if !self.take(&Token::Comma) {
                self.expect(&Token::Close)?;
                return Ok(values);
            }
        }
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is_next = self.rest.as_slice().first() == Some(wanted);
        if is_next {
            self.rest.next();
        }
        is_next
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), Fault> {
        let word = self.rest.next();
        if word == Some(wanted) { Ok(()) } else { Err(unexpected(word)) }
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn unexpected(word: Option<&Token>) -> Fault {
    Fault::Refused(match word {
        None => "the rule ends too early".to_owned(),
        Some(Token::Name(name)) => format!("unexpected `{name}`"),
        Some(Token::Text(text)) => format!("unexpected text {text:?}"),
        Some(Token::Open) => "unexpected `(`".to_owned(),
        Some(Token::Close) => "unexpected `)`".to_owned(),
        Some(Token::Comma) => "unexpected `,`".to_owned(),
        Some(Token::And) => "unexpected `&&`".to_owned(),
        Some(Token::Or) => "unexpected `||`".to_owned(),
        Some(Token::Not) => "unexpected `!`".to_owned(),
        Some(Token::End) => "unexpected end of a line".to_owned(),
    })
}
