//! Containers with rules put together at random, the same ones each time.

use super::samples::Sample;

const CONTAINERS: u64 = 6;
const ROUTERS: u64 = 40;

/// Parts of rules; `@` becomes a host that no other router has.
const MATCHERS: &[&str] = &[
    "Host(`@`)",
    "Host(`@`)",
    "Host(`@`)",
    "host(\"@\")",
    "HOST(`b.@`)",
    "Host(`@.`)",
    "Host(`@`, `b.@`)",
    "HostHeader(`@`)",
    "Host(`*.@`)",
    "Host(`@:80`)",
    "Host(``)",
    "Host('@')",
    "Host(@)",
    "Host()",
    "Host(`hö.@`)",
    "Host(\"\\x61.\\u0062.@\")",
    "Host(\"\\q.@\")",
    "HostRegexp(`^.+[.]@$`)",
    "HostRegexp(`{sub:[a-z]+}.@`)",
    "HostSNI(`@`)",
    "PathPrefix(`/`)",
    "PathPrefix(`/p`)",
    "PathPrefix(`/p/q`)",
    "Path(`/p/q`)",
    "Path(`/q`, `/r`)",
    "Path(`/{id:[0-9]+}`)",
    "PathPrefix(`p`)",
    "PathPrefix(`/with space`)",
    "PathRegexp(`^/[a-z]+`)",
    "Method(`GET`)",
    "Method(`GET`, `POST`)",
    "Header(`X`, `1`)",
    "Header(`X`)",
    "Headers(`X`, `1`)",
    "HeadersRegexp(`X`, `[0-9]`)",
    "HeaderRegexp(`X`, `[0-9]`)",
    "Query(`a`)",
    "Query(`a`, `b`)",
    "Query(`a=b`)",
    "QueryRegexp(`a`, `b.*`)",
    "ClientIP(`10.0.0.0/8`)",
    "ClientIP(`fd00::/8`)",
    "ClientIP(`ten`)",
];

/// Parts of rules that name places and nothing else.
const HOSTS: &[&str] = &["Host(`@`)", "host(\"c.@\")", "HOST(`B.@`)", "Host(`d.@.`)", "Host(\"\\x61.@\")"];
const PATHS: &[&str] =
    &["PathPrefix(`/`)", "PathPrefix(`/p`)", "Path(`/p/q`)", "Path(`/q`)", "PathPrefix(`/p/Q.r~s`)"];

const SIGNS: &[&str] = &[" && ", "||", "\n&& ", " &&\n\t", " || ", "&&", " and ", " & ", " "];
const LANGUAGES: &[&str] = &["", "", "", "v2", "v2", "v3", "V2"];

/// A row of numbers that looks random: Knuth's, from "The Art of Computer Programming" 3.3.4.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    /// The first ones are likelier.
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let upper = 1 + self.roll(from.len());
        from[self.roll(upper)]
    }

    fn rule(&mut self, depth: usize) -> String {
        let part = |dice: &mut Self| match dice.roll(8) {
            0 if depth < 3 => format!("({})", dice.rule(depth + 1)),
            1 if depth < 3 => format!("!({})", dice.rule(depth + 1)),
            2 => format!("!{}", dice.pick(MATCHERS)),
            3 if depth == 0 => format!("({}", dice.pick(MATCHERS)),
            _ => dice.pick(MATCHERS).to_owned(),
        };
        let mut rule = part(self);
        for _ in 0..self.roll(3) {
            rule += self.pick(SIGNS);
            rule += &part(self);
        }
        rule
    }

    /// Hosts, and perhaps paths.
    fn places(&mut self) -> String {
        let mut some = |from: &[&str]| {
            let parts: Vec<&str> = (0..=self.roll(3)).map(|_| from[self.roll(from.len())]).collect();
            format!("({})", parts.join(" || "))
        };
        let (hosts, paths) = (some(HOSTS), some(PATHS));
        if self.roll(3) == 0 { hosts } else { format!("{hosts} && {paths}") }
    }
}

pub fn all() -> Vec<Sample> {
    let mut dice = Dice(20_260_823);
    let container = |n| {
        let mut labels = vec![("traefik.enable".to_owned(), "true".to_owned())];
        for m in 0..ROUTERS {
            let router = format!("traefik.http.routers.g{n}-{m}");
            // Every other one is asked for what it names. What may be a rule for any host has an entry point of
            // its own.
            let (rule, entry, language) = match m % 2 {
                0 => (dice.places(), "web", ""),
                _ => (dice.rule(0), "alt", dice.pick(LANGUAGES)),
            };
            labels.push((format!("{router}.rule"), rule.replace('@', &format!("g{n}-{m}.test"))));
            labels.push((format!("{router}.entrypoints"), entry.to_owned()));
            labels.push((format!("{router}.rulesyntax"), language.to_owned()));
        }
        Sample { name: format!("generated-{n}"), networks: vec!["one"], exposed: vec![80], labels }
    };
    (0..CONTAINERS).map(container).collect()
}
