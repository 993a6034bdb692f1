//! In which order Caddy tries the directives of a site.

/// Caddy's standard order; what is not in it answers nothing by itself.
const ORDER: [&str; 42] = [
    "tracing",
    "map",
    "vars",
    "fs",
    "root",
    "log_append",
    "skip_log",
    "log_skip",
    "log_name",
    "header",
    "copy_response_headers",
    "request_body",
    "timeouts",
    "redir",
    "method",
    "rewrite",
    "uri",
    "try_files",
    "basicauth",
    "basic_auth",
    "forward_auth",
    "request_header",
    "encode",
    "push",
    "intercept",
    "templates",
    "invoke",
    "handle",
    "handle_path",
    "route",
    "abort",
    "error",
    "copy_response",
    "respond",
    "metrics",
    "reverse_proxy",
    "php_fastcgi",
    "file_server",
    "acme_server",
    // Without a place in the order.
    "bind",
    "tls",
    "log",
];

/// Where a directive stands in the order; none for one that is not Caddy's own.
pub(super) fn position(directive: &str) -> Option<usize> {
    // `handle_path` is sorted among `handle`.
    let directive = if directive == "handle_path" { "handle" } else { directive };
    match directive {
        "handle_errors" | "import" => Some(ORDER.len()),
        _ => ORDER.iter().position(|other| *other == directive),
    }
}

/// What a directive is sorted by.
pub(super) struct Key<'a> {
    pub position: usize,
    pub has_matcher: bool,
    /// The one path of its matcher.
    pub only_path: Option<&'a str>,
}

impl Key<'_> {
    /// Longer paths are tried first, and whatever has a matcher before what has none. This is no total order: a
    /// matcher of several paths is neither before nor behind another.
    fn is_before(&self, other: &Self) -> bool {
        if self.position != other.position {
            return self.position < other.position;
        }
        let (Some(a), Some(b)) = (self.only_path, other.only_path) else {
            return self.has_matcher && !other.has_matcher;
        };
        let trimmed = |path: &str| path.strip_suffix('*').unwrap_or(path).len();
        let (long, other_long) = (trimmed(a), trimmed(b));
        if a.get(..long) == b.get(..other_long) {
            return a.len() < b.len();
        }
        if long == other_long {
            return a < b;
        }
        long > other_long
    }
}

/// Sorts by insertion, as Go does with few: what compares equal stays in its order, and no order is asked to be total.
pub(super) fn sort<T>(items: &mut [T], key: impl Fn(&T) -> Key<'_>) {
    for end in 1..items.len() {
        let mut at = end;
        while let Some([before, this]) = at.checked_sub(1).and_then(|from| items.get(from..=at)) {
            if !key(this).is_before(&key(before)) {
                break;
            }
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}
