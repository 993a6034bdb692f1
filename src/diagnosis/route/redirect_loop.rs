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
        None => saw("the application asked directly", "no redirect: the proxy adds it", "no redirect"),
    });
    finding.fix = vec![
        Step::prose("with Cloudflare before the host: SSL/TLS mode Full (strict) instead of Flexible"),
        Step::prose(
            "behind a tunnel that ends TLS elsewhere: no redirect to HTTPS in the proxy (in Coolify: Force HTTPS off)",
        ),
        Step::prose(
            "an application that redirects by itself must trust the proxy's X-Forwarded-Proto, or not redirect",
        ),
    ];
    finding.verify = ask_site(walk).into_iter().collect();
    finding
}
