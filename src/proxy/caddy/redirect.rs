//! Where `redir` sends.

use crate::proxy::Redirect;

/// Of the arguments behind its matcher.
///
/// # Errors
/// Why Caddy refuses the site.
pub(super) fn read(arguments: &[String]) -> Result<Redirect, String> {
    let to = arguments.first().ok_or("redir names nothing to lead to")?;
    if let Some(code) = arguments.get(1) {
        let is_known = matches!(code.as_str(), "permanent" | "temporary" | "html") || code.starts_with('{');
        let is_redirect = code.parse::<u16>().is_ok_and(|code| matches!(code, 300..=399 | 401));
        if !is_known && !is_redirect {
            return Err(format!("{code} is no status of a redirect"));
        }
    }
    Ok(target(to))
}

/// The same host by another scheme, or anything else.
fn target(to: &str) -> Redirect {
    let Some((scheme, rest)) = to.split_once("://") else { return Redirect::Elsewhere };
    let rest =
        ["{host}", "{http.request.host}", "{hostport}"].iter().find_map(|host| rest.strip_prefix(host));
    let port =
        rest.and_then(|rest| rest.strip_suffix("{uri}").or_else(|| rest.strip_suffix("{http.request.uri}")));
    if !matches!(scheme, "http" | "https") {
        return Redirect::Elsewhere;
    }
    match port {
        Some("") => Redirect::Scheme(scheme.into(), None),
        Some(port) => match port.strip_prefix(':').map(str::parse::<u16>) {
            Some(Ok(port)) => Redirect::Scheme(scheme.into(), Some(port)),
            _ => Redirect::Elsewhere,
        },
        None => Redirect::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_read() {
        let read = |text: &str| read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for (text, expected) in [
            ("https://{host}{uri}", Redirect::Scheme("https".into(), None)),
            ("https://{host}:8443{uri} permanent", Redirect::Scheme("https".into(), Some(8443))),
            ("https://{host}/x", Redirect::Elsewhere),
            ("https://www.example.com{uri} 308", Redirect::Elsewhere),
            ("/new 302", Redirect::Elsewhere),
            ("ftp://{host}{uri}", Redirect::Elsewhere),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in ["/new 200", "/new x", "/new 402"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(super::read(&[]).is_err());
    }
}
