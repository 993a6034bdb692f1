//! What is told of tasks, and whom the next picture names.

use super::*;
use crate::diagnosis::sample::Sample;

fn told(deed: Deed, container: &str) -> Told {
    Told { at: None, deed, container: Some(container.into()), network: None }
}

#[test]
fn whoever_is_not_up_yet_or_is_to_end_is_not_to_be_found_by_name() {
    const TERM: Deed = Deed::Signalled("SIGTERM");
    for (what, is_task, health, deeds, is_named) in [
        ("it runs", true, Health::None, vec![], true),
        ("it is up by its own check", true, Health::Healthy, vec![], true),
        ("it is not up yet", true, Health::Starting, vec![], false),
        ("it is told to end", true, Health::Healthy, vec![TERM], false),
        ("it was told to end, and runs anew", true, Health::None, vec![TERM, Deed::Started], true),
        ("it is frozen", true, Health::None, vec![Deed::Paused], true),
        ("no task, not up yet", false, Health::Starting, vec![], true),
        ("no task, told to end", false, Health::None, vec![TERM], true),
    ] {
        let mut tasks = Tasks::default();
        let sample = Sample::shop(&["web", "api"]);
        let id = sample.inventory.destinations[0].endpoint("web").unwrap().container.clone();
        for deed in deeds {
            tasks.told(&told(deed, id.as_str()));
        }
        // From one picture to the next.
        for _ in 0..2 {
            let mut inventory = sample.inventory.clone();
            let web = inventory.containers.get_mut(&id).unwrap();
            (web.health, web.task_of) = (health, is_task.then(|| "web".into()));
            tasks.complete(&mut inventory);
            let names = |name| inventory.destinations[0].endpoint(name).unwrap().names.len();
            assert_eq!(names("web") > 0, is_named, "{what}");
            assert!(names("api") > 0, "{what}: nobody else");
        }
    }
}

#[test]
fn whoever_has_ended_is_forgotten() {
    let mut tasks = Tasks::default();
    let sample = Sample::shop(&["web"]);
    let id = sample.inventory.destinations[0].endpoint("web").unwrap().container.clone();
    for number in 0..=MOST {
        tasks.told(&told(Deed::Signalled("SIGTERM"), &format!("other-{number}")));
    }
    assert_eq!(tasks.ending.len(), MOST);
    tasks.complete(&mut sample.inventory.clone());
    assert!(tasks.ending.is_empty());
    tasks.told(&told(Deed::Signalled("SIGTERM"), id.as_str()));
    tasks.complete(&mut sample.inventory.clone());
    assert_eq!(tasks.ending.len(), 1);
    let mut ended = sample.inventory;
    ended.containers.clear();
    tasks.complete(&mut ended);
    assert!(tasks.ending.is_empty());
}
