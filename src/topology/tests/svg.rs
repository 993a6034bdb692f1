//! The map as a picture.

use super::*;
use crate::topology::svg;

/// Every attribute of this name, of elements that begin so.
fn numbers(picture: &str, begins: &str, name: &str) -> Vec<usize> {
    let elements = picture.split(begins).skip(1).filter_map(|rest| rest.split('>').next());
    let value = |element: &str| element.split_once(&format!(" {name}=\""))?.1.split('"').next()?.parse().ok();
    elements.filter_map(value).collect()
}

#[test]
fn a_picture_shows_who_is_where_and_who_talks_to_whom() {
    let picture = svg(&build(&town(&["api", "db", "idle"])));
    for inside in [
        ">✓ shop · bridge 10.0.2.0/24</text>",
        "<title>api, 10.0.2.2, healthy</title>",
        ">db</text>",
        ">10.0.2.3</text>",
        // Connections, the way over the host, a published port, one container on two destinations.
        ">5432 ×3</text>",
        "stroke-width=\"3.5\"",
        ">8080 → 80/tcp</text>",
        "stroke-dasharray=\"7 5\"",
        ">connections of 1 container could not be read</text>",
    ] {
        assert!(picture.contains(inside), "{inside}: {picture}");
    }
    let places: Vec<_> = numbers(&picture, "class=\"node", "x")
        .into_iter()
        .zip(numbers(&picture, "class=\"node", "y"))
        .collect();
    let distinct: std::collections::BTreeSet<_> = places.iter().collect();
    assert_eq!((places.len(), distinct.len()), (5, 5), "each has a place of its own: {places:?}");
    // Who is called stands behind who calls.
    assert!(places[1].0 > places[0].0, "{places:?}");
    let size = |name| numbers(&picture, "<svg", name)[0];
    assert!(places.iter().all(|(x, y)| x + 150 <= size("width") && y + 44 <= size("height")), "{places:?}");
}

#[test]
fn a_picture_has_a_bound_and_says_what_it_leaves_out() {
    let names: Vec<String> = (0..300).map(|n| format!("app-{n}")).collect();
    let mut sample = Sample::shop(&names.iter().map(String::as_str).take(250).collect::<Vec<_>>());
    for name in &names[250..] {
        sample.container(name);
    }
    let picture = svg(&build(&settled(sample.snapshot(), &mut Ledger::default())));
    assert_eq!(picture.matches("class=\"node").count(), 240);
    assert!(picture.contains("10 more containers are not drawn"), "{}", picture.len());
    assert!(picture.len() < 200_000, "{}", picture.len());
}

/// However many there are and whatever they are called, it is one that a phone takes, and the worst is in it.
#[test]
fn a_picture_of_a_thousand_destinations_has_a_bound_too() {
    let mut map = build(&town(&["api", "db", "idle"]));
    let long = "\u{1b}<".repeat(512);
    let mut one = map.destinations.swap_remove(1);
    (one.name, one.display_name) = (long.as_str().into(), format!("x{long}").into());
    for container in &mut one.containers {
        container.name = long.as_str().into();
    }
    map.destinations = vec![one; 1000];
    // From others, each to one of its own.
    let flow = map.flows.iter().find(|flow| flow.port == Some(5432)).cloned().unwrap();
    map.flows = (0..300)
        .map(|n| crate::report::Flow { source: format!("other-{n}").into(), ..flow.clone() })
        .collect();
    let last = map.destinations.last_mut().unwrap();
    (last.status, last.containers[0].status) = (Status::Failing, Status::Failing);
    last.display_name = "the-failing-one".into();
    let picture = svg(&map);
    assert_eq!(picture.matches("class=\"box").count(), 100);
    assert!(picture.contains("✗ the-failing-one") && picture.contains("class=\"node s-bad"));
    assert!(picture.contains(">900 more destinations are not drawn<"));
    // With whom they call, and the outside.
    assert!(
        picture.contains(&format!(">{} more containers are not drawn<", 1000 + 302 - 140)),
        "{}",
        picture.len()
    );
    assert!(picture.len() < 400_000, "{}", picture.len());
    // Who calls or is called from elsewhere does not crowd out who is here.
    assert_eq!(picture.matches("class=\"node").count(), 140);
}

#[test]
fn who_calls_in_a_circle_has_a_place_too() {
    let mut map = build(&town(&["api", "db", "idle"]));
    let mut back = map.flows.iter().find(|flow| flow.port == Some(5432)).cloned().unwrap();
    std::mem::swap(&mut back.source, &mut back.target);
    map.flows.push(back);
    assert_eq!(svg(&map).matches("class=\"node").count(), 5);
}

proptest! {
    /// What XML 1.0 calls `Char` (section 2.2), and its signs as entities alone.
    #[test]
    fn no_name_is_what_xml_does_not_take(
        names in proptest::collection::hash_set("[a-c\u{0}-\u{1f}\u{7f}\u{fff0}-\u{10005}&<>\"]{1,12}", 2..4),
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let mut map = build(&town(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        map.destinations[0].display_name = names[0].as_str().into();
        let picture = svg(&map);
        let odd = |c: &char| !matches!(c, '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
        prop_assert_eq!(picture.chars().find(odd), None);
        for entity in picture.split('&').skip(1) {
            let entity = entity.split(';').next().unwrap_or_default();
            prop_assert!(matches!(entity, "#34" | "#38" | "#39" | "#60" | "#62"), "{}", entity);
        }
    }

    #[test]
    fn no_name_is_markup(names in proptest::collection::hash_set("[^/]{1,20}", 2..5)) {
        let names: Vec<String> = names.into_iter().collect();
        let picture = svg(&build(&town(&names.iter().map(String::as_str).collect::<Vec<_>>())));
        let known = ["svg", "title", "rect", "text", "path", "polygon", "g", "/svg", "/title", "/text", "/g"];
        for tag in picture.split('<').skip(1) {
            let name = tag.split([' ', '>']).next().unwrap_or_default();
            prop_assert!(known.contains(&name), "{name}: {picture}");
        }
        prop_assert_eq!(picture.matches("<g>").count(), picture.matches("</g>").count());
        prop_assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    }
}
