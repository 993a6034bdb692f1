//! Changes to a rule that a person could make by mistake: an operator, a threshold, a duration.

use super::blocks::Block;

/// A changed rule, and what was changed.
pub struct Mutant {
    pub what: String,
    pub block: Block,
}

/// What is put in place of an operator.
const OPERATORS: [(&str, &str); 13] = [
    (" == ", " != "),
    (" > ", " < "),
    (" >= ", " < "),
    (" < ", " > "),
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " / "),
    (" / ", " * "),
    (" and ", " or "),
    (" or ", " and "),
    (" unless ", " and "),
    ("=~\"", "!~\""),
    ("!~\"", "=~\""),
];

/// Objectives differ in numbers alone: the operators of two pairs of windows, and what is recorded for them, stand for
/// the others'.
pub fn stands_for_others(block: &Block) -> bool {
    block.label("windows") != "1d or 3d"
}

/// Every mutant of one rule.
pub fn of(block: &Block) -> Vec<Mutant> {
    let Some((head, rest)) = block.text.split_once("expr: |-\n") else { return Vec::new() };
    let (expr, tail) = match rest.find("        labels:\n").or(Some(rest.len())) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    // Operators stand at the ends of lines as well.
    let spaced = expr.replace('\n', " \n");
    let mut texts = Vec::new();
    let stands_for_others = stands_for_others(block);
    for (from, to) in OPERATORS.into_iter().filter(|_| stands_for_others) {
        for (at, _) in spaced.match_indices(from) {
            // `!~` holds no `=~`, and what follows an operator of sets is no number.
            texts.push((format!("{}→{}", from.trim(), to.trim()), at, replaced(&spaced, at, from.len(), to)));
        }
    }
    for (at, length, changed) in durations(&spaced).into_iter().chain(numbers(&spaced)) {
        let from = spaced.get(at..at + length).unwrap_or_default();
        // A window or a factor that several selectors share is one.
        let before = spaced.get(..at).unwrap_or_default();
        let factor = format!("{from} * (");
        let text = if before.ends_with('[') {
            spaced.replace(&format!("[{from}]"), &format!("[{changed}]"))
        } else if spaced.get(at..).is_some_and(|rest| rest.starts_with(&factor)) {
            spaced.replace(&factor, &format!("{changed} * ("))
        } else if before.ends_with("* (") {
            spaced.replace(&format!("* ({from} -"), &format!("* ({changed} -"))
        } else {
            replaced(&spaced, at, length, &changed)
        };
        texts.push((format!("{from}→{changed}"), at, text));
    }
    let mut seen = std::collections::BTreeSet::new();
    texts.retain(|(_, _, text)| seen.insert(text.clone()));
    let mutant = |(what, at, text): (String, usize, String)| {
        let line = spaced.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        Mutant {
            what: format!("{} {}: {what} in line {line}", block.name, block.label("windows")),
            block: Block {
                text: format!("{head}expr: |-\n{}{tail}", text.replace(" \n", "\n")),
                ..block.clone()
            },
        }
    };
    texts.into_iter().map(mutant).collect()
}

fn replaced(text: &str, at: usize, length: usize, by: &str) -> String {
    format!("{}{by}{}", &text[..at], &text[at + length..])
}

/// Times in brackets, behind `offset`, `for` and `keep_firing_for`: twice and half as long.
fn durations(text: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for before in ["[", "offset ", "for: "] {
        for (at, _) in text.match_indices(before) {
            let at = at + before.len();
            let digits = text[at..].chars().take_while(char::is_ascii_digit).count();
            let unit = text[at + digits..].chars().next().unwrap_or(' ');
            let (Ok(number), Some(seconds)) = (
                text[at..at + digits].parse::<u32>(),
                [('s', 1), ('m', 60), ('h', 3600), ('d', 86400)].iter().find(|(u, _)| *u == unit),
            ) else {
                continue;
            };
            let all = number * seconds.1;
            found.extend([all * 2, all / 2].map(|time| (at, digits + 1, format!("{time}s"))));
        }
    }
    found
}

/// Numbers that stand alone: small whole ones by one, others by a tenth.
fn numbers(text: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut quoted = false;
    while let Some(byte) = bytes.get(at) {
        quoted ^= *byte == b'"';
        let starts = byte.is_ascii_digit() && !quoted && at > 0 && b" (".contains(&bytes[at - 1]);
        if !starts {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let follows = bytes.get(at + length).copied().unwrap_or(b' ');
        if let Ok(number) = text[at..at + length].parse::<f64>()
            && b" ),\n".contains(&follows)
        {
            let [more, less] = if number.fract() == 0.0 && number <= 20.0 {
                [number + 1.0, number - 1.0]
            } else {
                [number * 1.1, number * 0.9]
            };
            found.push((at, length, more.to_string()));
            if less >= 0.0 {
                found.push((at, length, less.to_string()));
            }
        }
        at += length;
    }
    found
}
