//! Which requests something is for: pairs of a host and a path, as patterns.

use std::sync::Arc;

use crate::proxy::Place;

/// As many pairs as are kept of one site or directive.
pub(super) const MOST_PAIRS: usize = 32;

/// A pattern for hosts; lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Any,
    /// With `*` for whole labels.
    Like(String),
    Is(String),
    /// A placeholder, or nothing that can be asked for.
    Odd(String),
}

impl Host {
    pub fn read(text: &str) -> Self {
        let host = text.to_lowercase();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if host.is_empty() {
            Self::Any
        } else if host.len() <= 253 && host.chars().all(fits) {
            Self::Is(host)
        } else if host.chars().all(|c| c == '*' || fits(c))
            && host.split('.').all(|label| label == "*" || !label.contains('*'))
        {
            Self::Like(host)
        } else {
            Self::Odd(host)
        }
    }

    /// Hosts that fit both; none where there are none.
    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other.clone());
        }
        if other.covers(self) {
            return Some(self.clone());
        }
        match (self, other) {
            (Self::Is(_) | Self::Like(_), Self::Is(_)) | (Self::Is(_), Self::Like(_)) => None,
            (a, b) => Some(Self::Odd(format!("{} and {}", a.text(), b.text()))),
        }
    }

    /// Whatever fits the other fits this.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Like(pattern), Self::Is(host) | Self::Like(host)) => {
                pattern.split('.').count() == host.split('.').count()
                    && pattern.split('.').zip(host.split('.')).all(|(p, h)| p == "*" || p == h)
            }
            (a, b) => a == b,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Like(text) | Self::Is(text) | Self::Odd(text) => text,
        }
    }
}

/// A pattern for paths. Caddy compares without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Begins(String),
    Is(String),
    /// A pattern with stars elsewhere than at its end, or nothing that can be asked for.
    Odd(String),
}

impl Path {
    pub fn all() -> Self {
        Self::Begins("/".to_owned())
    }

    /// As Caddy's path matcher reads it, below what was taken away of the path before.
    pub fn read(pattern: &str, base: &str) -> Self {
        let fits = |text: &str| {
            text.starts_with('/')
                && text.bytes().all(|byte| byte.is_ascii_graphic())
                && !text.contains(['*', '?', '[', '\\', '{', '"', '<', '>', '#', '`'])
        };
        let (text, star) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
        if star && matches!(text, "" | "/") {
            return if base.is_empty() { Self::all() } else { Self::Begins(base.to_owned()) };
        }
        match star {
            _ if !fits(text) => Self::Odd(pattern.to_owned()),
            true => Self::Begins(format!("{base}{text}")),
            false => Self::Is(format!("{base}{text}")),
        }
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other.clone());
        }
        if other.covers(self) {
            return Some(self.clone());
        }
        match (self, other) {
            (Self::Odd(odd), _) | (_, Self::Odd(odd)) => Some(Self::Odd(odd.clone())),
            _ => None,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Begins(prefix), Self::Begins(path) | Self::Is(path)) => begins(path, prefix),
            (Self::Begins(prefix), Self::Odd(_)) => prefix == "/",
            (Self::Is(a), Self::Is(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        }
    }
}

fn begins(path: &str, prefix: &str) -> bool {
    path.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// A host and a path.
pub(super) type Pair = (Host, Path);

/// Pairs; a request has to fit one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach(Vec<Pair>);

impl Reach {
    pub fn of(pairs: impl IntoIterator<Item = Pair>) -> Self {
        let mut kept: Vec<Pair> = Vec::new();
        for pair in pairs {
            if kept.len() == MOST_PAIRS {
                break;
            }
            if !kept.contains(&pair) {
                kept.push(pair);
            }
        }
        Self(kept)
    }

    pub fn pairs(&self) -> &[Pair] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left of it for these hosts.
    pub fn for_hosts(&self, hosts: &[Host]) -> Self {
        let pairs = self.0.iter().flat_map(|(host, path)| {
            hosts.iter().filter_map(|other| Some((host.meet(other)?, path.clone())))
        });
        Self::of(pairs)
    }

    /// What is left of it for these paths.
    pub fn for_paths(&self, paths: &[Path]) -> Self {
        let pairs = self.0.iter().flat_map(|(host, path)| {
            paths.iter().filter_map(|other| Some((host.clone(), path.meet(other)?)))
        });
        Self::of(pairs)
    }

    /// All of a pair's requests are for this.
    pub fn covers(&self, (host, path): &Pair) -> bool {
        self.0.iter().any(|(h, p)| h.covers(host) && p.covers(path))
    }

    /// Some of a pair's requests may be for this.
    pub fn touches(&self, (host, path): &Pair) -> bool {
        self.0.iter().any(|(h, p)| h.meet(host).is_some() && p.meet(path).is_some())
    }

    /// Some request may be for both.
    pub fn meets(&self, other: &Self) -> bool {
        other.0.iter().any(|pair| self.touches(pair))
    }

    /// Every path of it begins so.
    pub fn is_below(&self, prefix: &str) -> bool {
        self.0.iter().all(|(_, path)| match path {
            Path::Begins(path) | Path::Is(path) => begins(path, prefix),
            Path::Odd(_) => false,
        })
    }

    /// What can be asked for.
    pub fn places(&self) -> Vec<Place> {
        let place = |(host, path): &Pair| {
            let Host::Is(host) = host else { return None };
            let (path, exact) = match path {
                Path::Begins(path) => (path, false),
                Path::Is(path) => (path, true),
                Path::Odd(_) => return None,
            };
            Some(Place { host: Arc::from(host.as_str()), path: Arc::from(path.as_str()), exact })
        };
        self.0.iter().filter_map(place).collect()
    }

    /// Patterns that hide what could be asked for.
    pub fn odd(&self) -> Option<String> {
        self.0.iter().find_map(|(host, path)| match (host, path) {
            (Host::Odd(odd), _) => Some(format!("a host like {odd}")),
            (_, Path::Odd(odd)) => Some(format!("a path like {odd}")),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_meet() {
        for (a, b, expected) in [
            ("", "A.example.com", Some("a.example.com")),
            ("*.example.com", "a.example.com", Some("a.example.com")),
            ("*.example.com", "a.b.example.com", None),
            ("*.example.com", "*.example.com", Some("*.example.com")),
            ("a.example.com", "b.example.com", None),
            ("{$D}", "a.example.com", Some("{$d} and a.example.com")),
        ] {
            let met = Host::read(a).meet(&Host::read(b));
            assert_eq!(met.as_ref().map(Host::text), expected, "{a} {b}");
        }
    }

    #[test]
    fn paths_meet() {
        let read = |pattern| Path::read(pattern, "");
        for (a, b, expected) in [
            ("*", "/api*", Some("/api*")),
            ("/api*", "/API/v1/*", Some("/API/v1/*")),
            ("/api/*", "/api", None),
            ("/api/*", "/api/x", Some("/api/x")),
            ("/a*", "/b*", None),
            ("*.php", "/b*", Some("*.php")),
        ] {
            assert_eq!(read(a).meet(&read(b)), expected.map(read), "{a} {b}");
        }
        assert_eq!(Path::read("/v1/*", "/api"), Path::Begins("/api/v1/".to_owned()));
        assert_eq!(Path::read("*", "/api"), Path::Begins("/api".to_owned()));
        for odd in ["*.php", "/a/*/b", "/a?b", "api*", "/{x}", "/a b", "/ä"] {
            assert_eq!(read(odd), Path::Odd(odd.to_owned()));
        }
    }
}
