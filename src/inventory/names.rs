//! What destinations are called, and names that resolve. Who bears an endpoint name is settled in
//! [`super::claims`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ids::NetworkId;
use super::model::Container;
use super::part::{LONGEST_PART, part};
use super::seen::{SeenEndpoint, SeenNetwork, bounded};

/// The most names of one endpoint that are kept: aliases are free for whoever deploys.
pub const MOST_NAMES: usize = 128;

/// The longest name that DNS carries, and the longest piece of one between two dots.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// The one form in which names are kept and compared: resolvers tell no case apart, and a dot at the end
/// only says that nothing is to be put behind it.
pub fn normal(name: &str) -> Cow<'_, str> {
    let name = name.trim_end_matches('.');
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The label value of each network, by its id: the name, with the short id where it is not alone or too long.
pub fn destination_names<'a>(networks: impl Iterator<Item = &'a SeenNetwork>) -> BTreeMap<&'a str, Arc<str>> {
    let networks: Vec<_> = networks.collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for network in &networks {
        *count.entry(bounded(&network.name)).or_default() += 1;
    }
    networks
        .into_iter()
        .map(|network| {
            let name = bounded(&network.name);
            // What is cut is no name that the Engine knows: the id behind it is.
            let whole = name.len() <= LONGEST_PART;
            let alone = count.get(name).is_none_or(|n| *n == 1);
            let short = || NetworkId::new(&network.id).short().to_owned();
            let shown = if alone && whole { name.into() } else { with_short(&part(name), &short()) };
            (network.id.as_str(), shown)
        })
        .collect()
}

/// `name (id)`.
pub(super) fn with_short(name: &str, id: &str) -> Arc<str> {
    format!("{name} ({id})").into()
}

/// Every name that ought to resolve to an endpoint, in its normal form, sorted; and whether it has more
/// than these, for all that is known. The short id resolves as well; it stands in
/// where there is no other, and is left out else, for it is nobody's way to speak of a workload.
///
/// Before `DNSNames` (Docker 25), a name that the Engine made up did not resolve, and nothing tells such a
/// name from a chosen one but its shape. Podman's made-up names always resolve.
pub fn dns_names(endpoint: &SeenEndpoint, container: &Container, podman: bool) -> (Vec<Arc<str>>, bool) {
    let mute = !podman && endpoint.dns_names.is_empty() && looks_made_up(&container.name);
    let own = Some(&*container.name).filter(|_| !mute);
    let said = endpoint.dns_names.iter().chain(&endpoint.aliases).map(String::as_str);
    let short = container.id.short();
    let mut names: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    let mut has_more = endpoint.has_more_names || endpoint.names_unknown;
    for name in own.into_iter().chain(said) {
        if !is_askable(name) || name == short {
            continue;
        }
        if names.len() < MOST_NAMES {
            names.insert(normal(name));
        } else {
            has_more |= !names.contains(&*normal(name));
        }
    }
    if names.is_empty() {
        names.insert(short.into());
    }
    (names.iter().map(|name| Arc::from(&**name)).collect(), has_more)
}

/// The shape of names that Docker makes up: `adjective_surname`, with a digit where that was taken.
fn looks_made_up(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    name.split_once('_').is_some_and(|(adjective, surname)| {
        is_word(adjective) && is_word(surname.strip_suffix(|c: char| c.is_ascii_digit()).unwrap_or(surname))
    })
}

/// True for what can be put into a query: an alias may be any text at all. One that ends in a dot cannot:
/// the Engine keeps it with the dot, and the query for it is the query for the name without, which is
/// another's to answer.
fn is_askable(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.bytes().all(|b| b.is_ascii_graphic())
        && name.split('.').all(|label| (1..=LONGEST_LABEL).contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{container, model};
    use super::*;

    #[test]
    fn networks_of_one_name_carry_their_ids() {
        let network =
            |id: &str, name: &str| SeenNetwork { id: id.into(), name: name.into(), ..Default::default() };
        let all = [network("0123456789abcdef", "shop"), network("b", "shop"), network("c", "blog")];
        let names = destination_names(all.iter());
        assert_eq!(&*names["0123456789abcdef"], "shop (0123456789ab)");
        assert_eq!(&*names["b"], "shop (b)");
        assert_eq!(&*names["c"], "blog");
        // A long one is cut: then its id finds it.
        let long = "x".repeat(999);
        let all = [network("0123456789abcdef", &long)];
        let names = destination_names(all.iter());
        let (cut, id) = names["0123456789abcdef"].split_at(128);
        assert_eq!((cut, id), (&*part(&long), " (0123456789ab)"));
    }

    #[test]
    fn names_are_the_union_of_what_the_engine_says() {
        let id = "0123456789abcdef";
        let owner = model(&container(id, "web-1"));
        let to = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (aliases, dns, expected) in [
            (vec![], vec![], vec!["web-1"]),
            (vec!["web", "0123456789ab"], vec![], vec!["web", "web-1"]),
            (vec!["web"], vec!["web-1", "web", "0123456789ab", "h"], vec!["h", "web", "web-1"]),
            (vec!["", "two words", "é", "a\nb"], vec![], vec!["web-1"]),
            // One name in two cases is one name.
            (vec!["Web", "wEB"], vec!["WEB-1", "web"], vec!["web", "web-1"]),
            // Asked for, these would be asked as another's name, or not at all.
            (vec!["db.", ".", "..", "a..b", ".a"], vec!["db."], vec!["web-1"]),
            (
                vec!["db.shop", &"a".repeat(63), &"b".repeat(64)],
                vec![],
                vec![&"a".repeat(63), "db.shop", "web-1"],
            ),
        ] {
            let seen = SeenEndpoint { aliases: to(&aliases), dns_names: to(&dns), ..Default::default() };
            let (names, has_more) = dns_names(&seen, &owner, false);
            assert!(!has_more, "{seen:?}");
            assert_eq!(names.iter().map(|n| &**n).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn of_too_many_names_it_is_known_that_there_are_more() {
        let owner = model(&container("0123456789abcdef", "web-1"));
        let numbered = |n: usize| (0..n).map(|n| format!("a{n}")).collect::<Vec<_>>();
        let twice = |n: usize| [numbered(n), numbered(n)].concat();
        for (aliases, cut_before, expected) in [
            (numbered(MOST_NAMES - 1), false, (MOST_NAMES, false)),
            (twice(MOST_NAMES - 1), false, (MOST_NAMES, false)),
            (numbered(MOST_NAMES), false, (MOST_NAMES, true)),
            (numbered(9999), false, (MOST_NAMES, true)),
            (numbered(1), true, (2, true)),
        ] {
            let seen = SeenEndpoint { aliases, has_more_names: cut_before, ..Default::default() };
            let (names, has_more) = dns_names(&seen, &owner, false);
            assert_eq!((names.len(), has_more), expected);
        }
    }

    #[test]
    fn a_name_has_one_form() {
        for (name, form) in [("web", "web"), ("Web.", "web"), ("WEB.Shop..", "web.shop"), (".", ""), ("", "")]
        {
            assert_eq!(normal(name), form);
            assert_eq!(normal(&normal(name)), form);
        }
    }

    #[test]
    fn a_name_that_docker_made_up_resolves_only_where_the_engine_says_so() {
        let alias = SeenEndpoint { aliases: vec!["db".into()], ..Default::default() };
        let listed = SeenEndpoint { dns_names: vec!["jolly_kalam".into()], ..Default::default() };
        let silent = SeenEndpoint::default();
        for (name, seen, podman, expected) in [
            ("jolly_kalam", &silent, false, "0123456789ab"),
            ("jolly_kalam3", &silent, false, "0123456789ab"),
            ("jolly_kalam", &alias, false, "db"),
            ("jolly_kalam", &listed, false, "jolly_kalam"),
            ("jolly_kalam", &silent, true, "jolly_kalam"),
            ("shop_web_1", &silent, false, "shop_web_1"),
            ("web", &silent, false, "web"),
        ] {
            let (names, _) = dns_names(seen, &model(&container("0123456789abcdef", name)), podman);
            assert_eq!(names.iter().map(|n| &**n).collect::<Vec<_>>(), [expected], "{name}");
        }
    }
}
