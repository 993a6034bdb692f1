//! How findings are worded: drafts, quoting, names that a shell takes.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::inventory::{Container, ContainerId, Destination, Endpoint, Inventory};
use crate::outcome::ProbeKey;
use crate::state::Record;
use crate::strangers::printable;

use super::{Code, Evidence, Finding, Subject};

/// How many symptoms are listed before "and N more": a finding is read by a person.
const MOST_LISTED: usize = 12;

/// The image that the commands under `verify` borrow their tools from: most containers have none.
const TOOLBOX: &str = "busybox";

/// A finding of the code's usual severity that says nothing yet.
pub(super) fn draft(code: Code, kind: &'static str, name: &Arc<str>, since: SystemTime) -> Finding {
    Finding {
        code,
        severity: code.severity(),
        subject: Subject { kind, name: Arc::clone(name) },
        destination: None,
        summary: String::new(),
        evidence: Vec::new(),
        explains: Vec::new(),
        ruled_out: Vec::new(),
        fix: Vec::new(),
        verify: Vec::new(),
        since,
        runbook: String::new(),
        after: Vec::new(),
    }
}

/// One piece of evidence.
pub(super) fn saw(source: impl Into<String>, observed: impl Into<String>, expected: &str) -> Evidence {
    Evidence { source: source.into(), observed: observed.into(), expected: expected.to_owned() }
}

/// One word for a POSIX shell, whatever a stranger called the thing. What a terminal would act on
/// is taken out: a name with such a character finds nothing, which is better than what it asks for.
pub(super) fn sh(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    let printable: String = word.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("'{}'", printable.replace('\'', r"'\''"))
}

/// As [`sh`], where an option might stand as well.
pub(super) fn operand(word: &str) -> String {
    if word.starts_with('-') { format!("-- {}", sh(word)) } else { sh(word) }
}

/// What the Engine's commands call a network, quoted. Where the label value carries an id because
/// two networks share the name, and where the name would be read as an option, the id is used.
pub(super) fn network(destination: &Destination) -> String {
    let name = &*destination.name;
    let odd = name.starts_with('-') || name.chars().any(char::is_control);
    let short = destination.id.short();
    if odd || (!short.is_empty() && name.contains(short)) { sh(destination.id.as_str()) } else { sh(name) }
}

/// What the Engine's commands call a container, quoted: its name, else its id.
pub(super) fn container(inventory: &Inventory, id: &ContainerId) -> String {
    match inventory.container(id) {
        Some(Container { name, .. }) if !name.is_empty() && !name.starts_with('-') => sh(name),
        _ => sh(id.short()),
    }
}

/// The commands that give a container its place on a network anew, with the names and the fixed address that are known: by
/// itself the Engine gives it the container's own name alone. `but` is a name that it is not to have any more.
pub(super) fn reconnect(
    network: &str,
    container: &str,
    endpoint: &Endpoint,
    but: Option<&str>,
) -> [String; 2] {
    let mut connect = "docker network connect".to_owned();
    for name in endpoint.names.iter().filter(|name| Some(&***name) != but && ***name != *container) {
        let _ = write!(connect, " --alias {}", sh(name));
    }
    for address in endpoint.addresses.iter().filter(|_| endpoint.is_fixed) {
        let _ = write!(connect, " {} {address}", if address.is_ipv4() { "--ip" } else { "--ip6" });
    }
    [format!("docker network disconnect {network} {container}"), format!("{connect} {network} {container}")]
}

/// The packet filter's rules about an address, on the host and in a container's own namespace.
pub(super) fn rules_about(container: &str, address: Option<IpAddr>) -> Vec<String> {
    let own = format!("{} -n iptables-save", enter(container));
    let on_host = address.map(|address| format!("iptables-save | grep -wF {address}; {own}"));
    vec![on_host.unwrap_or(own)]
}

/// The beginning of a command of the host that looks at a container's namespace.
pub(super) fn enter(container: &str) -> String {
    format!("nsenter -t \"$(docker inspect -f '{{{{.State.Pid}}}}' {container})\"")
}

/// A name as a summary has it: somebody may call a thing like a word.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "'"))
}

/// `1 container`, `2 containers`.
pub fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// As [`few`], of names.
pub(super) fn few_quoted<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    few(names.into_iter().map(|name| quoted(name.as_ref())))
}

/// A command that looks out of a container's network namespace without needing its tools.
pub(super) fn from_inside(container: &str, command: &str) -> String {
    format!("docker run --rm --network container:{container} {TOOLBOX} {command}")
}

/// All the prose of a finding, printable. The subject keeps its name: it is an identity.
pub(super) fn clean(finding: &mut Finding) {
    let Finding { summary, evidence, explains, ruled_out, fix, verify, .. } = finding;
    let evidence = evidence.iter_mut().flat_map(|e| [&mut e.source, &mut e.observed, &mut e.expected]);
    let commands = fix.iter_mut().flat_map(|step| step.commands_mut());
    let lists = [explains, ruled_out, verify].into_iter().flatten().chain(commands);
    for text in std::iter::once(summary).chain(evidence).chain(lists) {
        *text = printable(text);
    }
}

/// A probe in words, with how it ended.
pub(super) fn symptom(key: &ProbeKey, record: &Record) -> String {
    let mut text = format!("{} {} → {} ({})", key.kind.as_label(), key.source, key.target, key.detail);
    if let Some(reason) = record.outcome.reason() {
        let _ = write!(text, ": {}", reason.as_label());
    }
    text
}

/// At most a dozen, and how many more.
pub(super) fn listed(all: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all = all.into_iter();
    let mut some: Vec<String> = all.by_ref().take(MOST_LISTED).collect();
    let rest = all.count();
    if rest > 0 {
        some.push(format!("and {rest} more"));
    }
    some
}

/// `a, b and 3 more`.
pub(super) fn few<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let mut text = String::new();
    for (at, name) in names.by_ref().take(3).enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    let rest = names.count();
    if rest > 0 {
        let _ = write!(text, " and {rest} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_sees_one_word() {
        for (name, quoted) in [
            ("shop-api_1.x", "shop-api_1.x"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a;reboot", "'a;reboot'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("a\u{1b}[2Jb\n", "'a?[2Jb?'"),
        ] {
            assert_eq!(sh(name), quoted);
        }
        assert_eq!((operand("--link=x"), operand("shop")), ("-- --link=x".to_owned(), "shop".to_owned()));
    }

    #[test]
    fn nothing_that_acts_is_printed() {
        assert_eq!(printable("a\u{1b}[2Jé\u{202e}x"), r"a\u{1b}[2Jé\u{202e}x");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(few(["a", "b"]), "a, b");
        assert_eq!(few(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        let many = listed((0..20).map(|n| n.to_string()));
        assert_eq!(many.len(), 13);
        assert_eq!(many.last().map(String::as_str), Some("and 8 more"));
    }
}
