//! What we say, against Caddy's configuration.

use std::collections::BTreeSet;

use destination_exporter::proxy::{Doors, Labels, Leads, Place, Port, Redirect, Rule};
use serde_json::Value;

use crate::HERE;
use crate::configuration::{
    self, Answer, Request, collect, follow, ports, servers, site_hosts, speaks_tls, strings,
};

#[derive(Default)]
pub struct Compared {
    pub wrong: Vec<String>,
    /// How many places were asked for with a sure answer.
    pub asked: usize,
}

/// A door, and the dial of an upstream behind it.
type Way = (u16, bool, String);

pub fn compare(ours: &Labels, json: &Value) -> Compared {
    let mut compared = Compared::default();
    // `caddy adapt` does not show what automatic HTTPS adds at the start.
    let rules: Vec<_> = ours.rules.iter().filter(|rule| !is_automatic(rule, json)).collect();
    // A rule that needs more than a plain request is not asked for.
    for rule in rules.iter().filter(|rule| rule.also.is_none() && (rule.redirect.is_some() || !is_dead(rule)))
    {
        for place in &rule.places {
            compared.place(rule, place, &rules, json);
        }
    }
    let said: BTreeSet<Way> = rules.iter().filter_map(|rule| way(rule)).collect();
    let mut there = BTreeSet::new();
    for server in servers(json) {
        for port in ports(server) {
            let mut dials = Vec::new();
            collect(&server["routes"], "dial", &mut dials);
            let dials = dials.into_iter().filter_map(Value::as_str).filter(|dial| dial.starts_with(HERE));
            there.extend(dials.map(|dial| (port, speaks_tls(server, port), dial.to_owned())));
            compared.missed(server, port, &rules);
        }
    }
    // What something else answers before is said to lead nowhere, and Caddy has it all the same.
    let hides = rules.iter().any(|rule| is_dead(rule));
    if !(said == there || hides && said.is_subset(&there)) {
        compared.wrong.push(format!("ways: we say {said:?}, Caddy has {there:?}"));
    }
    compared
}

/// A redirect from port 80 for hosts that Caddy's configuration has nothing for there.
fn is_automatic(rule: &Rule, json: &Value) -> bool {
    let on_80 = servers(json).into_iter().filter(|server| ports(server).contains(&80));
    let hosts: Vec<_> = on_80.flat_map(site_hosts).collect();
    let is_there = |place: &Place| hosts.contains(&&*place.host);
    let redirects = matches!(&rule.redirect, Some(Redirect::Scheme(scheme, _)) if **scheme == *"https");
    let leads = matches!(rule.leads, Leads::Here(_));
    door(rule) == (80, false)
        && redirects
        && leads
        && !rule.places.is_empty()
        && !rule.places.iter().any(is_there)
}

/// Nothing comes to it.
fn is_dead(rule: &Rule) -> bool {
    match &rule.leads {
        Leads::Nowhere(_) => true,
        Leads::Elsewhere(text) => text.ends_with(" answers before") || text.ends_with(" fits the matcher"),
        Leads::Here(_) => false,
    }
}

fn door(rule: &Rule) -> (u16, bool) {
    match rule.doors {
        Doors::Site { tls, port } => (port, tls),
        Doors::EntryPoints { .. } => panic!("Caddy has no entry points"),
    }
}

fn way(rule: &Rule) -> Option<Way> {
    let (port, tls) = door(rule);
    Some((port, tls, dial(rule)?))
}

/// What Caddy dials for a rule that leads to the container.
fn dial(rule: &Rule) -> Option<String> {
    match &rule.leads {
        Leads::Here(upstream) => match &upstream.port {
            Port::Named(port) => Some(format!("{HERE}:{port}")),
            Port::Bad(text) => Some(format!("{HERE}:{text}")),
            Port::Unnamed => None,
        },
        _ => None,
    }
}

fn request(host: &str, path: &str) -> Request {
    let (host, path) = (host.to_owned(), path.to_owned());
    Request { host, path, is_rewritten: false, is_guarded: false, is_unsure: false }
}

/// The server behind a door follows a request.
fn ask(json: &Value, (port, tls): (u16, bool), request: &mut Request) -> Result<Option<Answer>, String> {
    let server = servers(json).into_iter().find(|server| ports(server).contains(&port));
    let server = server.ok_or_else(|| format!("nobody listens on {port}"))?;
    if speaks_tls(server, port) != tls {
        return Err(format!("TLS on {port}: we say {tls}"));
    }
    Ok(follow(&server["routes"], request))
}

fn covers(place: &Place, host: &str, path: &str) -> bool {
    let is_below = || path.get(..place.path.len()).is_some_and(|head| head.eq_ignore_ascii_case(&place.path));
    *place.host == *host && if place.exact { path.eq_ignore_ascii_case(&place.path) } else { is_below() }
}

/// The rule that is for a request: the first with the longest path.
fn rule_for<'a>(rules: &[&'a Rule], at: (u16, bool), host: &str, path: &str) -> Option<&'a Rule> {
    let longest = |rule: &Rule| {
        let places = rule.places.iter().filter(|place| covers(place, host, path));
        places.map(|place| (place.exact, place.path.len())).max()
    };
    let lives = |rule: &Rule| rule.redirect.is_some() || !is_dead(rule);
    let fitting = rules.iter().filter(|rule| door(rule) == at && lives(rule) && longest(rule).is_some());
    fitting.rev().max_by_key(|rule| (rule.also.is_none(), longest(rule))).copied()
}

impl Compared {
    fn place(&mut self, rule: &Rule, place: &Place, rules: &[&Rule], json: &Value) {
        let below = if place.exact { place.path.to_string() } else { format!("{}zz9", place.path) };
        for path in BTreeSet::from([place.path.to_string(), below]) {
            let expected = rule_for(rules, door(rule), &place.host, &path).unwrap_or(rule);
            let mut request = request(&place.host, &path);
            let answer = match ask(json, door(rule), &mut request) {
                Ok(answer) => answer,
                Err(why) => return self.wrong.push(why),
            };
            if expected.also.is_some() {
                continue;
            }
            let at = format!("{:?} {}{path}", door(rule), place.host);
            if request.is_unsure && expected.unsure.is_empty() {
                self.wrong.push(format!("{at}: we are sure, Caddy is not: {expected:?}"));
                continue;
            }
            self.asked += 1;
            // A redirect or a refusal may come first.
            if !expected.unsure.is_empty() && !matches!(answer, Some(Answer::Upstreams { .. })) {
                continue;
            }
            if let Err(why) = agrees(expected, &path, answer.as_ref(), &request) {
                self.wrong.push(format!("{at}: {why}\n  {answer:?}\n  {expected:?}"));
            }
        }
    }

    /// Hosts and paths that Caddy has and we do not.
    fn missed(&mut self, server: &Value, port: u16, rules: &[&Rule]) {
        // Below a wildcard hosts are named that nothing of ours is about.
        if rules.iter().any(|rule| rule.places.is_empty() && rule.also.is_none()) {
            return;
        }
        let (mut hosts, mut paths) = (Vec::new(), Vec::new());
        collect(&server["routes"], "host", &mut hosts);
        collect(&server["routes"], "path", &mut paths);
        let hosts: BTreeSet<_> =
            hosts.into_iter().flat_map(strings).filter(|host| !host.contains(['*', '{'])).collect();
        let mut paths: BTreeSet<_> =
            paths.into_iter().flat_map(strings).map(|path| path.replace('*', "")).collect();
        paths.insert("/".to_owned());
        for host in hosts {
            for path in paths.iter().filter(|path| path.starts_with('/')) {
                let mut request = request(host, path);
                let answer = follow(&server["routes"], &mut request);
                let Some(Answer::Upstreams { dials, .. }) = answer else { continue };
                let is_ours = dials.iter().any(|dial| dial.starts_with(HERE));
                let at = (port, speaks_tls(server, port));
                if is_ours && rule_for(rules, at, host, path).is_none() {
                    self.wrong.push(format!("{port} {host}{path}: we say nothing, Caddy leads to {dials:?}"));
                }
            }
        }
    }
}

fn agrees(rule: &Rule, path: &str, answer: Option<&Answer>, request: &Request) -> Result<(), String> {
    if request.is_guarded && !rule.guarded && matches!(rule.leads, Leads::Here(_)) {
        return Err("Caddy asks for a login, and we do not say so".to_owned());
    }
    match (&rule.redirect, answer) {
        (Some(Redirect::Scheme(scheme, port)), Some(Answer::Redirect(to))) => {
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            let expected = format!("{scheme}://{{http.request.host}}{port}{{http.request.uri}}");
            return if *to == expected { Ok(()) } else { Err(format!("it leads to {to}")) };
        }
        (Some(Redirect::Elsewhere), Some(Answer::Redirect(_))) => return Ok(()),
        (Some(_), _) => return Err("we say a redirect".to_owned()),
        (None, _) => {}
    }
    match (&rule.leads, answer) {
        (Leads::Here(upstream), Some(Answer::Upstreams { dials, tls })) => {
            let dial = dial(rule).unwrap_or_default();
            if !dials.contains(&dial) || upstream.tls != *tls {
                return Err(format!("we say {dial}, TLS {}", upstream.tls));
            }
            if rule.unsure.is_empty() == request.is_rewritten {
                return Err(format!("rewritten: Caddy {}", request.is_rewritten));
            }
            let stripped = rule.strips.iter().fold(path.to_owned(), |path, prefix| {
                let rest =
                    path.strip_prefix(&**prefix).map(|rest| format!("/{}", rest.trim_start_matches('/')));
                rest.unwrap_or(path)
            });
            if rule.unsure.is_empty() && stripped != request.path {
                return Err(format!("the container is asked for {}, we say {stripped}", request.path));
            }
            Ok(())
        }
        (Leads::Elsewhere(_), Some(Answer::Upstreams { dials, .. }))
            if dials.iter().all(|d| !d.starts_with(HERE)) =>
        {
            Ok(())
        }
        (Leads::Nowhere(_) | Leads::Elsewhere(_), None | Some(Answer::Itself)) => Ok(()),
        _ => Err("another answer".to_owned()),
    }
}

#[test]
fn a_request_is_followed_as_caddy_does() {
    let routes = serde_json::json!([
        {"match": [{"host": ["a"]}], "terminal": true, "handle": [{"handler": "subroute", "routes": [
            {"group": "g", "match": [{"path": ["/x*"]}], "handle": [{"handler": "headers"}]},
            {"group": "g", "handle": [{"handler": "static_response", "status_code": 200}]},
        ]}]},
        {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "b:1"}]}]},
    ]);
    let dials = Answer::Upstreams { dials: vec!["b:1".to_owned()], tls: false };
    for (host, path, expected) in
        [("a", "/x1", None), ("a", "/y", Some(Answer::Itself)), ("c", "/", Some(dials))]
    {
        assert_eq!(configuration::follow(&routes, &mut request(host, path)), expected, "{host}{path}");
    }
}
