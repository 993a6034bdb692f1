//! `route-redirect-loop`: the answer leads back to the question.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Step};

use super::walk::Walk;
use super::wording::{ask_site, of_route, seen, told};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteRedirectLoop);
    let title = walk.route.title();
    let steps: Vec<String> = walk
        .entries
        .iter()
        .map(|entry| format!("{}: {}", entry.scheme.as_label(), told(entry.look.1)))
        .collect();
    finding.summary = format!("{title} redirects to itself ({}): a browser gives up.", steps.join("; "));
    finding.since = walk.entries.iter().map(|entry| entry.look.1.since).min().unwrap_or(finding.since);
    finding.evidence = seen(walk);
    // The application may be the one: then it does so when it is asked directly, too.
    let app = walk.hops.iter().find(|hop| {
        hop.look
            .is_some_and(|(_, record)| record.seen.http.is_some_and(|http| (300..400).contains(&http.status)))
    });
    finding.evidence.push(match app {
        Some(hop) => saw(format!("{} asked directly", hop.backend.name), "a redirect as well", "a page"),
        None => saw("the application asked directly", "no redirect: the proxy adds it", ""),
    });
    if app.is_some() {
        finding.fix.push(Step::prose(
            "the app redirects by itself: look at its base URL, and have it trust the proxy's X-Forwarded-Proto (Django SECURE_PROXY_SSL_HEADER, Rails assume_ssl, Laravel TrustProxies), or not redirect",
        ));
    }
    // To be asked in the clear by who stands in front is what a redirect to https goes round by.
    let to_https = walk.entries.iter().any(|entry| {
        let location = entry.look.1.seen.answer.as_ref().and_then(|answer| answer.location.as_deref());
        location.is_some_and(|location| location.starts_with("https://"))
    });
    if to_https {
        finding.fix.extend([
            Step::prose(
                "with Cloudflare before the host: SSL/TLS mode Full (strict) instead of Flexible; it gives 526 where the certificate here is not good, and Full does not",
            ),
            Step::prose(
                "behind a tunnel that ends TLS elsewhere: no redirect to HTTPS in the proxy (in Coolify: Force HTTPS off)",
            ),
        ]);
    }
    if app.is_none() {
        finding.fix.push(Step::prose(
            "where a redirect of your own stands in the labels or the proxy's files (www, a path): one direction, in one place",
        ));
    }
    finding.verify = ask_site(walk).into_iter().collect();
    finding
}
