//! What of an expression can be told without asking anybody: its selectors, and the labels that it names.

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};

/// Stands for `$__rate_interval` while an expression is read.
pub const RATE_INTERVAL: Duration = Duration::from_secs(427);

/// One selector, and what it stands in.
pub struct Selector {
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    /// The function that has it as its argument.
    pub function: Option<&'static str>,
    /// Of a range.
    pub range: Option<Duration>,
}

/// What an expression says.
#[derive(Default)]
pub struct Reading {
    pub selectors: Vec<Selector>,
    /// Labels that it groups or matches by, or takes over.
    pub used: BTreeSet<String>,
    /// Labels that it makes.
    pub made: BTreeSet<String>,
}

/// As Grafana sends it, with some value for each of Grafana's own variables.
pub fn sent(expr: &str) -> String {
    expr.replace("$__rate_interval", &format!("{}s", RATE_INTERVAL.as_secs()))
        .replace("$__range", "3600s")
        .replace("$objective", "99.9")
}

/// Reads it.
///
/// # Errors
/// When it is no PromQL.
pub fn read(expr: &str) -> Result<Reading, String> {
    let mut reading = Reading::default();
    reading.walk(&parse(&sent(expr))?, None);
    Ok(reading)
}

impl Reading {
    fn walk(&mut self, expr: &Expr, function: Option<&'static str>) {
        match expr {
            Expr::VectorSelector(selector) => self.select(selector, function, None),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs, function, Some(matrix.range)),
            Expr::Call(call) => {
                let args: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
                if matches!(call.func.name, "label_join" | "label_replace") {
                    let words: Vec<&str> = args.iter().filter_map(|arg| string(arg)).collect();
                    self.made.extend(words.first().map(ToString::to_string));
                    let sources =
                        if call.func.name == "label_join" { words.get(2..) } else { words.get(2..3) };
                    self.used.extend(sources.into_iter().flatten().map(ToString::to_string));
                }
                args.iter().for_each(|arg| self.walk(arg, Some(call.func.name)));
            }
            Expr::Aggregate(aggregate) => {
                self.group(aggregate.modifier.as_ref());
                self.walk(&aggregate.expr, function);
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.group(modifier.matching.as_ref());
                    let taken = modifier.card.labels();
                    self.used.extend(taken.into_iter().flat_map(|labels| labels.labels.iter().cloned()));
                }
                self.walk(&binary.lhs, function);
                self.walk(&binary.rhs, function);
            }
            Expr::Paren(paren) => self.walk(&paren.expr, function),
            Expr::Unary(unary) => self.walk(&unary.expr, function),
            Expr::Subquery(subquery) => self.walk(&subquery.expr, function),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn group(&mut self, by: Option<&LabelModifier>) {
        self.used.extend(by.into_iter().flat_map(|by| by.labels().labels.iter().cloned()));
    }

    fn select(&mut self, of: &VectorSelector, function: Option<&'static str>, range: Option<Duration>) {
        let matchers = of.matchers.matchers.clone();
        self.used.extend(matchers.iter().map(|matcher| matcher.name.clone()));
        self.selectors.push(Selector { name: of.name.clone(), matchers, function, range });
    }
}

fn string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringLiteral(literal) => Some(&literal.val),
        _ => None,
    }
}

impl Selector {
    /// The words that a matcher of this label lists, where it lists words.
    pub fn listed(&self, label: &str) -> Vec<String> {
        let lists = |matcher: &&Matcher| {
            matcher.name == label && !matcher.value.contains('$') && !matcher.value.contains(['*', '+'])
        };
        let values = self.matchers.iter().filter(lists).map(|matcher| matcher.value.as_str());
        values.flat_map(|value| value.split('|')).map(str::to_owned).collect()
    }

    /// Whether it holds this label against this variable.
    pub fn follows(&self, label: &str, variable: &str) -> bool {
        self.matchers.iter().any(|matcher| {
            matcher.name == label && matches!(matcher.op, MatchOp::Re(_)) && matcher.value == variable
        })
    }
}
