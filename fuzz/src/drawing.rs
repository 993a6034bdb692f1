//! Readers of the two drawing languages, as far as the map uses them: a name may stand in quotes and nowhere else.

use crate::is_plain;

/// Panics where a name has become more than text.
pub fn check_mermaid(text: &str, boxes: usize) {
    let count = |of: &str| text.lines().filter(|line| line.trim_start().starts_with(of)).count();
    assert_eq!((count("subgraph "), count("end")), (boxes, boxes), "{text}");
    for line in text.lines().filter(|line| !line.trim_start().starts_with("%% ")) {
        assert!(is_plain(line), "{line:?}");
        for (n, piece) in line.split('"').enumerate() {
            let rest = piece.replace("<br/>", "");
            let is_known = |c: char| if n % 2 == 0 { is_ours(c) || "|&<>".contains(c) } else { is_text(c) };
            assert!(rest.chars().all(is_known), "{piece:?} in {line}");
        }
        assert!(line.matches('"').count().is_multiple_of(2), "{line}");
    }
}

/// Panics where a name has become more than text.
pub fn check_dot(text: &str, boxes: usize) {
    let (mut quoted, mut depth, mut deepest) = (false, 0_usize, 0);
    let mut outside = String::new();
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' if quoted => assert!(matches!(signs.next(), Some('\\' | '"' | 'n')), "{text}"),
            '"' => quoted = !quoted,
            c if quoted => assert!(is_plain(&c.to_string()), "{c:?} in {text}"),
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).unwrap_or_else(|| panic!("{text}")),
            c => {
                assert!(is_ours(c) || c == '\n', "{c:?} in {text}");
                outside.push(c);
            }
        }
        deepest = deepest.max(depth);
    }
    assert!(!quoted && depth == 0 && deepest <= 2, "{text}");
    assert_eq!(outside.matches("subgraph cluster_").count(), boxes, "{text}");
}

/// What the drawing itself is written in.
fn is_ours(c: char) -> bool {
    c.is_ascii_alphanumeric() || " -_.=,;:#>[](){}".contains(c)
}

/// What may stand in Mermaid's quotes: no quote, no markup, numbers for all else.
fn is_text(c: char) -> bool {
    c.is_alphanumeric() || " -_.:/,→×·#;".contains(c)
}
