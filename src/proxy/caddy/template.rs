//! The Go templates in a label's value. One function of caddy-docker-proxy's is known here, `upstreams`; what another
//! one gives is for the proxy to know, and what it stands in counts as not read.

/// Stands for the container's address in what `{{upstreams}}` gives.
pub(super) const HERE: char = '\u{1}';

/// Stands for what a template gives that is not read here.
pub(super) const UNREAD: char = '\u{2}';

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// The value as the proxy would have it, with [`HERE`] and [`UNREAD`] in it.
///
/// # Errors
/// What no template may look like: the proxy then takes none of the container's labels.
pub(super) fn expand(value: &str) -> Result<String, &'static str> {
    let value = value.replace([HERE, UNREAD], "\u{fffd}");
    let mut out = String::with_capacity(value.len());
    let mut rest = value.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = action(after)?;
        let (before, inside) = match inside.strip_prefix('-') {
            Some(trims) if trims.starts_with(SPACES) => (before.trim_end_matches(SPACES), trims),
            _ => (before, inside),
        };
        let (inside, after) = match inside.strip_suffix('-') {
            Some(trims) if trims.ends_with(SPACES) => (trims, after.trim_start_matches(SPACES)),
            _ => (inside, after),
        };
        out.push_str(before);
        out.push_str(&result(inside.trim_matches(SPACES))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What a person would want to see instead of the stand-ins.
pub(super) fn shown(text: &str) -> String {
    text.replace(HERE, "{{upstreams}}").replace(UNREAD, "{{…}}")
}

/// What stands before the `}}` that ends an action, and what after it. Texts in quotes may hold anything.
fn action(text: &str) -> Result<(&str, &str), &'static str> {
    const OPEN: &str = "a template is not closed";
    let begins = text.strip_prefix('-').unwrap_or(text).trim_start_matches(SPACES);
    if begins.starts_with("/*") {
        let comment = text.find("*/").ok_or(OPEN)?;
        let end = text.get(comment..).and_then(|from| from.find("}}")).ok_or(OPEN)?;
        return split(text, comment + end).ok_or(OPEN);
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            None if text.get(at..).is_some_and(|from| from.starts_with("}}")) => {
                return split(text, at).ok_or(OPEN);
            }
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None => {}
            Some(_) if escaped => escaped = false,
            Some(mark) if c == '\\' && mark != '`' => escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
        }
    }
    Err(OPEN)
}

fn split(text: &str, at: usize) -> Option<(&str, &str)> {
    Some((text.get(..at)?, text.get(at + 2..)?))
}

fn result(action: &str) -> Result<String, &'static str> {
    if action.is_empty() {
        return Err("a template is empty");
    }
    if action.starts_with("/*") {
        return Ok(String::new());
    }
    let known = literal(action).map(str::to_owned).or_else(|| upstreams(action));
    Ok(known.unwrap_or_else(|| UNREAD.to_string()))
}

/// A text in quotes and nothing else.
fn literal(word: &str) -> Option<&str> {
    let double = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = double.filter(|text| !text.contains(['"', '\\']));
    let raw = word.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    plain.or_else(|| raw.filter(|text| !text.contains('`')))
}

/// `upstreams [http|https|h2c] [PORT]`: each option is put to the address in turn, before it or behind it.
fn upstreams(action: &str) -> Option<String> {
    let mut words = action.split(SPACES).filter(|word| !word.is_empty());
    if words.next() != Some("upstreams") {
        return None;
    }
    let mut address = HERE.to_string();
    for word in words {
        let scheme = literal(word).or_else(|| matches!(word, "http" | "https" | "h2c").then_some(word));
        if let Some(scheme) = scheme {
            address = format!("{scheme}://{address}");
        } else if is_number(word) {
            address = format!("{address}:{word}");
        } else {
            return None;
        }
    }
    Some(address)
}

/// As Go writes whole numbers; those with a nought in front have another base.
fn is_number(word: &str) -> bool {
    word == "0"
        || (word.len() <= 18 && !word.starts_with('0') && word.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_put_together_as_the_proxy_does() {
        for (value, expected) in [
            ("{{upstreams}}", "@"),
            ("{{ upstreams 3000 }}", "@:3000"),
            ("/api* {{upstreams 3000}}", "/api* @:3000"),
            ("{{upstreams https}}", "https://@"),
            ("{{upstreams http 9000}}", "http://@:9000"),
            ("{{upstreams h2c 5000}}", "h2c://@:5000"),
            ("{{upstreams \"h2c\" 5000}}", "h2c://@:5000"),
            ("{{upstreams 9000 http}}", "http://@:9000"),
            ("http://{{upstreams 9000}}", "http://@:9000"),
            ("{{upstreams}}:81", "@:81"),
            ("a  {{- upstreams -}}  b", "a@b"),
            ("a {{-upstreams}}", "a ?"),
            ("{{upstreams 080}}", "?"),
            ("{{upstreams 80 | quote}}", "?"),
            ("{{\"\"}}", ""),
            ("{{`}}`}}", "}}"),
            ("{{/* a }} */}}x", "x"),
            ("{{index .Names 0}}.example.com", "?.example.com"),
            ("}} {", "}} {"),
            ("\u{1}\u{2}", "\u{fffd}\u{fffd}"),
        ] {
            let expected = expected.replace('@', "\u{1}").replace('?', "\u{2}");
            assert_eq!(expand(value).as_deref(), Ok(expected.as_str()), "{value}");
        }
    }

    #[test]
    fn what_is_no_template_is_told() {
        for value in ["{{", "{{upstreams", "{{upstreams}", "{{}}", "{{ \"}} ", "{{/* }}", "a {{- -}} b"] {
            assert!(expand(value).is_err(), "{value}");
        }
    }
}
