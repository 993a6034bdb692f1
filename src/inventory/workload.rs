//! What a container is, by its labels: its identity across redeploys, its replica, what Coolify says of it.
//!
//! Labels are written by whoever deploys: every value is read as data and bounded in length.

use std::collections::BTreeMap;

use super::model::Coolify;
use super::part::part;
use super::seen::{SeenContainer, bounded};

/// Compose's project, on containers and on networks.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// Compose's service.
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's number of the replica.
const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
/// Compose's word for what `docker compose run` started: beside the service, and not in its stead.
const COMPOSE_ONE_OFF: &str = "com.docker.compose.oneoff";
/// Swarm's service.
const SWARM_SERVICE: &str = "com.docker.swarm.service.name";
/// Swarm's id of the task.
pub const SWARM_TASK_ID: &str = "com.docker.swarm.task.id";
/// Swarm's task: `service.slot.id`, or `service.node.id` for a global service.
const SWARM_TASK: &str = "com.docker.swarm.task.name";

/// The stack that a service was deployed with.
const STACK: &str = "com.docker.stack.namespace";

/// The value of a label, where it says anything.
pub fn label<'a>(labels: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    labels.get(key).map(|v| bounded(v.trim())).filter(|v| !v.is_empty())
}

/// The number of the pull request that this is a preview of.
pub fn pull_request(labels: &BTreeMap<String, String>) -> Option<&str> {
    label(labels, "coolify.pullRequestId").filter(|n| *n != "0")
}

/// True for a container that Coolify made.
pub fn is_managed_by_coolify(labels: &BTreeMap<String, String>) -> bool {
    label(labels, "coolify.managed") == Some("true")
}

/// The identity that outlives a redeploy.
pub fn workload(container: &SeenContainer) -> String {
    let is_one_off =
        label(&container.labels, COMPOSE_ONE_OFF).is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let service = workload_of_service(container);
    if is_one_off { format!("{service}/run") } else { service }
}

fn workload_of_service(container: &SeenContainer) -> String {
    let labels = &container.labels;
    if let Some(resource) = label(labels, "coolify.resourceName") {
        return coolify_workload(container, resource);
    }
    match (label(labels, COMPOSE_PROJECT), label(labels, COMPOSE_SERVICE)) {
        (Some(project), Some(service)) => return format!("{}/{}", part(project), part(service)),
        (None, Some(service)) => return part(service).into_owned(),
        _ => {}
    }
    if let Some(service) = label(labels, SWARM_SERVICE) {
        return part(service).into_owned();
    }
    match bounded(container.name.trim()) {
        "" => super::ContainerId::new(&container.id).short().to_owned(),
        name => part(name).into_owned(),
    }
}

/// Every service of a Compose application carries the application's name in both labels of Coolify, so
/// Compose's word tells them apart. A single-container application has its container's name there,
/// which changes with each deploy and must not become part of an identity.
fn coolify_workload(container: &SeenContainer, resource: &str) -> String {
    let labels = &container.labels;
    let number = pull_request(labels);
    let suffix = number.map(|n| format!("-pr-{}", part(n))).unwrap_or_default();
    let resource_part = part(resource);
    let service = label(labels, "coolify.serviceName").filter(|service| *service != resource).or_else(|| {
        let service = label(labels, COMPOSE_SERVICE)?;
        let is_application = label(labels, "coolify.type") == Some("application");
        let service = service.strip_suffix(suffix.as_str()).unwrap_or(service);
        (is_application && label(labels, COMPOSE_SERVICE) != Some(container.name.as_str())).then_some(service)
    });
    match service {
        Some(service) => format!("{resource_part}/{}{suffix}", part(service)),
        None => format!("{resource_part}{suffix}"),
    }
}

/// The service that a container is a task of, as its part of a name.
pub fn task_of(labels: &BTreeMap<String, String>) -> Option<String> {
    label(labels, SWARM_SERVICE).filter(|_| is_task(labels)).map(|name| part(name).into_owned())
}

/// What a stack calls the service that it is a task of. Each network that the stack puts it on has that for an alias, which
/// the Engine lists nowhere on this node.
pub fn stack_alias(labels: &BTreeMap<String, String>) -> Option<String> {
    let (stack, service) = (label(labels, STACK)?, label(labels, SWARM_SERVICE)?);
    let alias = service.strip_prefix(stack)?.strip_prefix('_').filter(|alias| !alias.is_empty())?;
    is_task(labels).then(|| part(alias).into_owned())
}

/// True for the container of a Swarm's task.
pub fn is_task(labels: &BTreeMap<String, String>) -> bool {
    labels.contains_key(SWARM_TASK_ID)
}

/// Which of several equal ones it is.
pub fn replica(labels: &BTreeMap<String, String>) -> Option<u32> {
    if let (Some(service), Some(task)) = (label(labels, SWARM_SERVICE), label(labels, SWARM_TASK)) {
        let slot = task.strip_prefix(service)?.strip_prefix('.')?.split('.').next()?;
        return slot.parse().ok();
    }
    label(labels, COMPOSE_NUMBER)?.parse().ok()
}

/// What Coolify says of it.
pub fn coolify(labels: &BTreeMap<String, String>) -> Option<Coolify> {
    let text = |key| label(labels, key).map(|text| part(text).into_owned()).unwrap_or_default();
    let resource = text("coolify.resourceName");
    (is_managed_by_coolify(labels) || !resource.is_empty()).then(|| Coolify {
        project: text("coolify.projectName"),
        environment: text("coolify.environmentName"),
        resource,
    })
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::container;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn a_workload_outlives_a_redeploy() {
        let uuid = "v8k4s0o4kw8g0c8sk4gs0wck";
        let deploy = format!("{uuid}-101530123456");
        for (name, pairs, expected) in [
            (
                deploy.as_str(),
                vec![
                    ("coolify.type", "application"),
                    ("coolify.resourceName", "my-api"),
                    ("coolify.serviceName", "my-api"),
                    ("coolify.pullRequestId", "0"),
                    (COMPOSE_PROJECT, uuid),
                    (COMPOSE_SERVICE, deploy.as_str()),
                ],
                "my-api",
            ),
            (
                "v8-pr-7",
                vec![
                    ("coolify.type", "application"),
                    ("coolify.resourceName", "my-api"),
                    ("coolify.serviceName", "my-api"),
                    ("coolify.pullRequestId", "7"),
                    (COMPOSE_SERVICE, "v8-pr-7"),
                ],
                "my-api-pr-7",
            ),
            (
                "web-v8k4-1015",
                vec![
                    ("coolify.type", "application"),
                    ("coolify.resourceName", "shop"),
                    ("coolify.serviceName", "shop"),
                    (COMPOSE_SERVICE, "web"),
                ],
                "shop/web",
            ),
            (
                "web-v8k4-pr-3",
                vec![
                    ("coolify.type", "application"),
                    ("coolify.resourceName", "shop"),
                    ("coolify.pullRequestId", "3"),
                    (COMPOSE_SERVICE, "web-pr-3"),
                ],
                "shop/web-pr-3",
            ),
            (
                "postgresql-uuid",
                vec![
                    ("coolify.type", "service"),
                    ("coolify.resourceName", "umami"),
                    ("coolify.serviceName", "postgresql"),
                ],
                "umami/postgresql",
            ),
            ("uuid", vec![("coolify.resourceName", "db"), ("coolify.serviceName", "db")], "db"),
            ("blog-web-1", vec![(COMPOSE_PROJECT, "blog"), (COMPOSE_SERVICE, "web")], "blog/web"),
            (
                "blog-web-run-5e1f",
                vec![(COMPOSE_PROJECT, "blog"), (COMPOSE_SERVICE, "web"), (COMPOSE_ONE_OFF, "True")],
                "blog/web/run",
            ),
            ("stack_api.2.x", vec![(SWARM_SERVICE, "stack_api")], "stack_api"),
            ("by-hand", vec![("coolify.resourceName", "  ")], "by-hand"),
            ("", vec![], "c0ffee000000"),
        ] {
            let mut seen = container("c0ffee000000111", name);
            seen.labels = labels(&pairs);
            assert_eq!(workload(&seen), expected, "{name}");
        }
    }

    #[test]
    fn no_label_makes_a_long_workload_and_none_makes_anothers() {
        let long = |end: &str| format!("{}{end}", "é".repeat(400));
        for keys in [
            &["coolify.resourceName", "coolify.serviceName", "coolify.pullRequestId"][..],
            &[COMPOSE_PROJECT, COMPOSE_SERVICE],
            &[COMPOSE_SERVICE],
            &[SWARM_SERVICE],
            &[],
        ] {
            let mut seen = container("c1", &long("!"));
            seen.labels = keys.iter().map(|key| (key.to_string(), long(key))).collect();
            let first = workload(&seen);
            assert!(first.len() <= 3 * 128 + "/-pr-".len(), "{first}");
            for key in keys {
                let mut other = seen.clone();
                other.labels.insert(key.to_string(), long("another"));
                assert_ne!(workload(&other), first, "{key}");
            }
            seen.name = long("?");
            assert_eq!(workload(&seen) == first, !keys.is_empty());
        }
        let coolify = coolify(&labels(&[("coolify.resourceName", &long(""))])).unwrap();
        assert!(coolify.resource.len() <= 128);
    }

    #[test]
    fn a_stack_calls_its_services_without_its_own_name() {
        let task = (SWARM_TASK_ID, "q1w2");
        for (pairs, expected) in [
            (vec![task, (STACK, "s1"), (SWARM_SERVICE, "s1_web")], Some("web")),
            (vec![task, (STACK, "my_shop"), (SWARM_SERVICE, "my_shop_web_api")], Some("web_api")),
            (vec![task, (STACK, "s1"), (SWARM_SERVICE, "s10_web")], None),
            (vec![task, (STACK, "s1"), (SWARM_SERVICE, "s1_")], None),
            (vec![task, (STACK, "s1"), (SWARM_SERVICE, "web")], None),
            (vec![task, (SWARM_SERVICE, "s1_web")], None),
            (vec![(STACK, "s1"), (SWARM_SERVICE, "s1_web")], None),
        ] {
            assert_eq!(stack_alias(&labels(&pairs)).as_deref(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn replicas_are_numbered_by_who_made_them() {
        for (pairs, expected) in [
            (vec![(COMPOSE_NUMBER, "3")], Some(3)),
            (vec![(COMPOSE_NUMBER, "many")], None),
            (vec![(SWARM_SERVICE, "api"), (SWARM_TASK, "api.4.q1w2")], Some(4)),
            (vec![(SWARM_SERVICE, "a.b"), (SWARM_TASK, "a.b.5.q1w2")], Some(5)),
            (vec![(SWARM_SERVICE, "agent"), (SWARM_TASK, "agent.nodeid.q1w2")], None),
            (vec![], None),
        ] {
            assert_eq!(replica(&labels(&pairs)), expected, "{pairs:?}");
        }
    }
}
