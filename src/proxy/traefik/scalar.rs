//! Values as Traefik reads them, which are Go's: `strconv.ParseBool`, `strconv.ParseInt`, `time.ParseDuration`.

/// A yes or no.
pub fn flag(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number.
pub fn number(value: &str) -> Option<i64> {
    value.parse().ok()
}

/// Whether it is a duration: a number of seconds, or numbers with units.
pub fn is_duration(value: &str) -> bool {
    number(value).is_some() || has_units(value.strip_prefix(['+', '-']).unwrap_or(value))
}

fn has_units(mut rest: &str) -> bool {
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let digits = &rest[..rest.len() - after.len()];
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
        let unit = units.iter().filter(|unit| after.starts_with(**unit)).max_by_key(|unit| unit.len());
        let is_number = digits.bytes().any(|b| b.is_ascii_digit()) && digits.matches('.').count() < 2;
        match unit {
            Some(unit) if is_number => rest = &after[unit.len()..],
            _ => return false,
        }
    }
    true
}

/// A list: parted by commas, without the spaces around; nothing is an empty list.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    let pieces = if value.is_empty() { None } else { Some(value.split(',').map(str::trim)) };
    pieces.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_gos() {
        for (text, is) in
            [("true", Some(true)), ("F", Some(false)), ("yes", None), ("", None), ("tRUE", None)]
        {
            assert_eq!(flag(text), is, "{text}");
        }
        for (text, is) in [
            ("10", true),
            ("10s", true),
            ("1h30m", true),
            ("-1.5h", true),
            (".5s", true),
            ("100ms", true),
            ("2µs", true),
            ("", false),
            ("s", false),
            ("1.", false),
            ("1.2.3s", false),
            (".s", false),
            ("10 s", false),
            ("1d", false),
        ] {
            assert_eq!(is_duration(text), is, "{text}");
        }
        assert_eq!(list(" a, b,,c").collect::<Vec<_>>(), ["a", "b", "", "c"]);
        assert_eq!(list("").count(), 0);
        assert_eq!(list(" ").collect::<Vec<_>>(), [""]);
    }
}
