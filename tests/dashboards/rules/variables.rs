//! What the reader chooses by.

use crate::metrics::known;
use crate::model::{Dashboard, text};
use crate::promql::read;

use super::Said;

pub fn lint(dashboard: &Dashboard, said: &mut Said) {
    let names: Vec<&str> = dashboard.variables().map(|variable| text(variable, "/name")).collect();
    let at = &*dashboard.name;
    let first = ["datasource", "job", "instance", "destination", "external_url"];
    said.unless(names.starts_with(&first), at, "variables", format!("{names:?} begin with {first:?}"));
    for variable in dashboard.variables() {
        let name = text(variable, "/name");
        let at = format!("{at}: variable {name}");
        let mut must = |holds: bool, rule: &str, what: &str| said.unless(holds, &at, rule, what);
        let label = text(variable, "/label");
        must(label.starts_with(|c: char| c.is_ascii_uppercase()), "label", "begins with a capital");
        must(!text(variable, "/description").is_empty(), "description", "is not there");
        match text(variable, "/type") {
            "datasource" => {
                must(
                    name == "datasource" && variable["query"] == "prometheus",
                    "datasource",
                    "is Prometheus",
                );
            }
            "query" => {
                must(text(variable, "/datasource/uid") == "${datasource}", "datasource", "is the chosen one");
                must(variable["refresh"] == 2, "refresh", "2: when the time changes, and not empty at first");
                if name == "external_url" {
                    must(variable["hide"] == 2, "hide", "nobody chooses it");
                } else {
                    let all = variable["multi"] == true
                        && variable["includeAll"] == true
                        && variable["allValue"] == ".+";
                    must(all, "all", "several, or all, by .+");
                }
            }
            "custom" => {
                must(variable["options"].as_array().is_some_and(|all| all.len() > 1), "options", "a choice")
            }
            other => must(false, "type", other),
        }
    }
    // Each is asked for among what was chosen before it.
    let before = [("job", &[][..]), ("instance", &["job"]), ("", &["job", "instance"])];
    for (name, selector, label) in dashboard.choices() {
        let at = format!("{}: variable {name}", dashboard.name);
        let needs =
            before.iter().find(|(of, _)| *of == name || of.is_empty()).map_or(&[][..], |(_, needs)| needs);
        let reading = match read(&selector) {
            Ok(reading) => reading,
            Err(error) => {
                said.unless(false, &at, "query", error);
                continue;
            }
        };
        for one in &reading.selectors {
            for need in needs {
                said.unless(
                    one.follows(need, &format!("${need}")),
                    &at,
                    "chain",
                    format!("regardless of {need}"),
                );
            }
            let metric = one.name.as_deref().unwrap_or_default();
            let has = known()
                .get(metric)
                .is_some_and(|m| m.labels.contains(&&*label) || ["job", "instance"].contains(&&*label));
            said.unless(has, &at, "query", format!("{metric} has no label {label}"));
        }
    }
}
