//! The pages that proxies write themselves, so that they are not taken for the site's.
//!
//! Traefik (`pkg/server/router`, `pkg/server/service/loadbalancer`, `pkg/proxy`): 404 `404 page not found` where no rule matches, 503 `no
//! available server` where a service has none, 502 and 504 with the bare name of the status; none of them has a
//! `Server` header. Caddy: an empty 502 where a dial fails, an empty 503 where there is no upstream.

use super::Kind;

/// A page of a proxy's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// It knows no such rule.
    NoRoute,
    /// It has nobody to lead to.
    NoBackend,
    /// It could not reach whom it leads to, or waited in vain.
    CannotReach,
}

/// Whose page an answer is, by its status, how its body begins and whether somebody signed it (`Server`).
pub fn own(kind: Kind, status: u16, begins: &str, signed: bool) -> Option<Page> {
    // Made printable, a line's end is two letters.
    let begins = begins.trim_end_matches("\\n").trim();
    match (kind, status) {
        (Kind::Traefik, 404) if begins == "404 page not found" && !signed => Some(Page::NoRoute),
        (Kind::Traefik, 503) if begins == "no available server" => Some(Page::NoBackend),
        (Kind::Traefik, 502) if begins == "Bad Gateway" => Some(Page::CannotReach),
        (Kind::Traefik, 504) if begins == "Gateway Timeout" => Some(Page::CannotReach),
        (Kind::Caddy, 502 | 504) if begins.is_empty() => Some(Page::CannotReach),
        (Kind::Caddy, 503) if begins.is_empty() => Some(Page::NoBackend),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_own_pages_are_known_and_an_applications_are_not() {
        for (kind, status, begins, signed, expected) in [
            (Kind::Traefik, 404, "404 page not found\\n", false, Some(Page::NoRoute)),
            // Go's own page of an application that signs its answers.
            (Kind::Traefik, 404, "404 page not found\\n", true, None),
            (Kind::Traefik, 404, "<html>Not Found</html>", false, None),
            (Kind::Traefik, 503, "no available server\\n", false, Some(Page::NoBackend)),
            (Kind::Traefik, 503, "maintenance", false, None),
            (Kind::Traefik, 502, "Bad Gateway", false, Some(Page::CannotReach)),
            (Kind::Traefik, 504, "Gateway Timeout", false, Some(Page::CannotReach)),
            (Kind::Traefik, 200, "Bad Gateway", false, None),
            (Kind::Caddy, 502, "", true, Some(Page::CannotReach)),
            (Kind::Caddy, 503, "", true, Some(Page::NoBackend)),
            (Kind::Caddy, 502, "{\"error\": 1}", true, None),
            (Kind::Caddy, 404, "", true, None),
        ] {
            assert_eq!(own(kind, status, begins, signed), expected, "{kind:?} {status} {begins}");
        }
    }
}
