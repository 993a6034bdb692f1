//! Who may read, and who may set something in motion.
//!
//! Whom [`Trust`](super::Trust) lets in may read; without a file that says who, that is whoever reaches the
//! port. To act takes a caller that has shown who it is, or one on loopback, unless the operator says otherwise. Loopback is only as good as what sits on it: a
//! browser, that another site's page sends (`Origin`, `Sec-Fetch-Site`, or a name that was made to point
//! here: DNS rebinding, which would read the report too), and a reverse proxy, behind which is the
//! world. A header that cannot be read is no header that is absent.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::error::Refusal;
use super::pages::Desk;
use super::server::Caller;
use super::trust::Authenticated;

/// A caller that may set something in motion. Stands before what reads the body.
#[derive(Clone, Copy, Debug)]
pub struct Admitted;

impl FromRequestParts<Desk> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refusal> {
        let Some(caller) = parts.extensions.get::<Caller>() else { return Err(Refusal::internal()) };
        let known = parts.extensions.get::<Authenticated>().is_some();
        may_act(caller.address, &parts.uri, &parts.headers, known || desk.app.actions.remote)?;
        Ok(Self)
    }
}

/// Before every page: a caller on loopback must have meant this machine.
pub(super) async fn may_read(
    State(desk): State<Desk>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some(caller) = request.extensions().get::<Caller>() else { return Err(Refusal::internal()) };
    // Who has shown who it is was not sent by a stranger's page: a browser gives neither password nor certificate away.
    let known = request.extensions().get::<Authenticated>().is_some();
    if !known && caller.address.to_canonical().is_loopback() {
        let verdict = desk.app.verdict.load();
        let url = &*verdict.snapshot.own.external_url;
        let known = url.split_once("://").map_or("", |(_, rest)| rest);
        let known = name(known.split('/').next().unwrap_or_default());
        for host in hosts(request.uri(), request.headers())?.into_iter().flatten() {
            if !is_nobodys(name(host)) && !name(host).eq_ignore_ascii_case(known) {
                return Err(Refusal::strange_host());
            }
        }
    }
    Ok(next.run(request).await)
}

pub(super) fn may_act(caller: IpAddr, uri: &Uri, headers: &HeaderMap, remote: bool) -> Result<(), Refusal> {
    let hosts = hosts(uri, headers)?;
    let host = word(headers, header::HOST.as_str())?.unwrap_or_default();
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, rest)| rest == host);
    if word(headers, header::ORIGIN.as_str())?.is_some_and(|origin| !own(origin))
        || word(headers, "sec-fetch-site")?.is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        return Err(Refusal::forbidden("a browser sent this from another site"));
    }
    if remote {
        return Ok(());
    }
    if !caller.to_canonical().is_loopback() {
        return Err(Refusal::forbidden("only callers on loopback may set something in motion"));
    }
    if headers.keys().any(|name| is_a_proxys(name.as_str())) {
        return Err(Refusal::forbidden("a proxy passed this on, for nobody knows whom"));
    }
    if !hosts.into_iter().flatten().all(|host| is_loopback(name(host))) {
        return Err(Refusal::forbidden("the Host header is not a name of loopback"));
    }
    Ok(())
}

/// Whom the request is for: by its header, and by its first line where that names one.
fn hosts<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<[Option<&'a str>; 2], Refusal> {
    Ok([word(headers, header::HOST.as_str())?, uri.authority().map(|authority| authority.as_str())])
}

/// A header that may stand once.
fn word<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(word), None) => Ok(Some(word)),
        _ => Err(Refusal::forbidden(&format!("the header {name} cannot be read"))),
    }
}

/// Headers that proxies add and nobody writes by hand.
fn is_a_proxys(header: &str) -> bool {
    matches!(header, "forwarded" | "via" | "x-real-ip") || header.starts_with("x-forwarded-")
}

/// A host without its port.
fn name(host: &str) -> &str {
    // With a user in front it is no host.
    if host.contains('@') {
        return host;
    }
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Loopback's names, or none at all.
fn is_loopback(name: &str) -> bool {
    name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Names that nobody can register and make point here: an address, and a name without a dot, as this
/// machine's own mostly is.
fn is_nobodys(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    is_loopback(name) || name.parse::<IpAddr>().is_ok() || plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";

    fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let value = |value| axum::http::HeaderValue::from_bytes(value).expect("a value");
        let mut headers = HeaderMap::new();
        for (name, text) in lines {
            headers.append(*name, value(text));
        }
        headers
    }

    fn acts(caller: &str, lines: &[(&'static str, &[u8])], remote: bool) -> bool {
        let caller = caller.parse().expect("an address");
        may_act(caller, &Uri::from_static("/-/reload"), &headers(lines), remote).is_ok()
    }

    #[test]
    fn names_of_loopback() {
        for host in ["localhost", "LOCALHOST:10061", "127.0.0.1:10061", "127.9.9.9", "[::1]:10061", ""] {
            assert!(is_loopback(name(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:10061",
            "10.0.0.1",
            "[fd00::1]:1",
            "127.0.0.1.evil.example",
            "localhost:80@evil.example",
        ] {
            assert!(!is_loopback(name(host)), "{host}");
        }
    }

    #[test]
    fn names_that_nobody_can_make_point_here() {
        for host in ["localhost:1", "10.0.0.1:10061", "[fd00::1]:1", "server-1:10061", "exporter", "server."]
        {
            assert!(is_nobodys(name(host)), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost:1@evil.example", "a..", "ü"] {
            assert!(!is_nobodys(name(host)), "{host}");
        }
    }

    #[test]
    fn who_may_act() {
        let local: (&str, &[u8]) = ("host", b"127.0.0.1:10061");
        for lines in [
            &[local][..],
            &[],
            &[local, ("origin", b"http://127.0.0.1:10061")],
            &[local, ("sec-fetch-site", b"same-origin")],
        ] {
            assert!(acts(HERE, lines, false) && acts("::ffff:127.0.0.1", lines, false), "{lines:?}");
            assert!(!acts("10.0.0.9", lines, false) && acts("10.0.0.9", lines, true), "{lines:?}");
        }
    }

    #[test]
    fn what_a_proxy_passed_on_is_not_from_here() {
        let local: (&str, &[u8]) = ("host", b"127.0.0.1:10061");
        for header in
            ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-x"]
        {
            let lines = [local, (header, b"".as_slice())];
            assert!(!acts(HERE, &lines, false), "{header}");
            assert!(acts(HERE, &lines, true), "{header}: the operator said that everyone may");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_not_an_absent_one() {
        let local: (&str, &[u8]) = ("host", b"localhost");
        for (lines, remote) in [
            (vec![("host", &b"\xff"[..])], false),
            (vec![local, ("origin", b"http://\xe9vil.example")], false),
            (vec![local, ("origin", b"http://\xe9vil.example")], true),
            (vec![local, ("sec-fetch-site", b"cross\xff")], true),
            (vec![local, ("host", b"evil.example")], true),
            (vec![local, ("origin", b"http://localhost"), ("origin", b"http://evil.example")], true),
        ] {
            assert!(!acts(HERE, &lines, remote), "{lines:?}");
        }
    }

    #[test]
    fn the_first_line_may_name_a_host_too() {
        for (first, admitted) in
            [("http://localhost/-/reload", true), ("http://evil.example/-/reload", false)]
        {
            let uri: Uri = first.parse().expect("a URI");
            let caller = HERE.parse().expect("an address");
            let answer = may_act(caller, &uri, &headers(&[("host", b"localhost")]), false);
            assert_eq!(answer.is_ok(), admitted, "{first}");
        }
    }
}
