//! Caddy's configuration, followed for one plain GET: <https://caddyserver.com/docs/json/>.

use std::collections::BTreeSet;

use serde_json::Value;

/// A request, as far as it was followed.
#[derive(Clone, Debug)]
pub struct Request {
    pub host: String,
    pub path: String,
    /// The path was written anew, other than by taking away a prefix.
    pub is_rewritten: bool,
    pub is_guarded: bool,
    /// A matcher hung on what is not followed here.
    pub is_unsure: bool,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Upstreams { dials: Vec<String>, tls: bool },
    Redirect(String),
    Itself,
}

pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Every server of a configuration.
pub fn servers(json: &Value) -> Vec<&Value> {
    json["apps"]["http"]["servers"].as_object().into_iter().flat_map(|servers| servers.values()).collect()
}

/// The ports on which a server listens.
pub fn ports(server: &Value) -> Vec<u16> {
    let port = |listen: &str| listen.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    strings(&server["listen"]).into_iter().map(port).collect()
}

/// The hosts of a server's sites.
pub fn site_hosts(server: &Value) -> Vec<&str> {
    let sets = list(&server["routes"]).flat_map(|route| list(&route["match"]));
    sets.flat_map(|set| strings(&set["host"])).collect()
}

/// Whether a server speaks TLS, as automatic HTTPS decides when Caddy starts: nothing on port 80, everything on port
/// 443, and elsewhere what has a host that is not left out of it.
pub fn speaks_tls(server: &Value, port: u16) -> bool {
    let skipped = strings(&server["automatic_https"]["skip"]);
    let has_host = site_hosts(server).into_iter().any(|host| !skipped.contains(&host));
    port != 80 && (port == 443 || server["tls_connection_policies"].is_array() || has_host)
}

/// Every value under `key`, however deep.
pub fn collect<'a>(value: &'a Value, key: &str, into: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            for (name, inside) in fields {
                if name == key {
                    into.push(inside);
                }
                collect(inside, key, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, into)),
        _ => {}
    }
}

/// Follows a request through routes; none: nobody answered.
pub fn follow(routes: &Value, request: &mut Request) -> Option<Answer> {
    let mut groups = BTreeSet::new();
    for route in list(routes) {
        let group = route["group"].as_str();
        if group.is_some_and(|group| groups.contains(group)) || !fits(&route["match"], request) {
            continue;
        }
        groups.extend(group);
        for handler in list(&route["handle"]) {
            if let Some(answer) = handle(handler, request) {
                return Some(answer);
            }
        }
        if route["terminal"] == true {
            return None;
        }
    }
    None
}

fn handle(handler: &Value, request: &mut Request) -> Option<Answer> {
    match handler["handler"].as_str()? {
        "subroute" => return follow(&handler["routes"], request),
        "rewrite" => {
            if let Some(prefix) = handler["strip_path_prefix"].as_str() {
                let slash = if prefix.starts_with('/') { "" } else { "/" };
                let rest = request.path.strip_prefix(&format!("{slash}{prefix}"));
                if let Some(rest) = rest.map(|rest| rest.trim_start_matches('/').to_owned()) {
                    request.path = format!("/{rest}");
                }
            }
            if let Some(uri) = handler["uri"].as_str() {
                let path = uri.replace("{http.request.uri.path}", &request.path);
                request.path = path.replace("{http.request.uri}", &request.path);
                request.is_rewritten = true;
            }
        }
        "authentication" => request.is_guarded = true,
        // A login by another server.
        "reverse_proxy" if handler["handle_response"].is_array() => request.is_guarded = true,
        "reverse_proxy" => {
            request.is_rewritten |= handler["rewrite"].is_object();
            let dials = list(&handler["upstreams"]).filter_map(|one| one["dial"].as_str());
            let tls = handler["transport"]["tls"].is_object();
            return Some(Answer::Upstreams { dials: dials.map(str::to_owned).collect(), tls });
        }
        "static_response" => {
            let to = strings(&handler["headers"]["Location"]);
            return Some(to.first().map_or(Answer::Itself, |to| Answer::Redirect((*to).to_owned())));
        }
        "file_server" | "error" => return Some(Answer::Itself),
        "headers" | "encode" | "vars" => {}
        other => panic!("a handler that the test does not know: {other}"),
    }
    None
}

/// Whether one set of matchers fits, or there is none.
fn fits(sets: &Value, request: &mut Request) -> bool {
    let sets: Vec<_> = list(sets).filter_map(Value::as_object).collect();
    sets.is_empty()
        || sets.iter().any(|set| set.iter().all(|(module, value)| matches(module, value, request)))
}

fn matches(module: &str, value: &Value, request: &mut Request) -> bool {
    match module {
        "host" => strings(value).into_iter().any(|pattern| host_fits(pattern, &request.host)),
        "path" => strings(value).into_iter().any(|pattern| path_fits(pattern, &request.path)),
        "not" => !fits(value, request),
        "method" => strings(value).contains(&"GET"),
        // No request of ours has a header of interest or a query, and nothing lies in Caddy's folder.
        "header" | "query" | "file" => false,
        "expression" | "remote_ip" | "client_ip" | "protocol" | "path_regexp" => {
            request.is_unsure = true;
            true
        }
        other => panic!("a matcher that the test does not know: {other}"),
    }
}

fn host_fits(pattern: &str, host: &str) -> bool {
    pattern.split('.').count() == host.split('.').count()
        && pattern.split('.').zip(host.split('.')).all(|(p, h)| p == "*" || p.eq_ignore_ascii_case(h))
}

fn path_fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (_, Some(prefix)) => path.starts_with(prefix),
        (Some(suffix), None) => path.ends_with(suffix),
        (None, None) => pattern == path,
    }
}
