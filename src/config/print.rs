//! The configuration as YAML that loads again to the same value, and the page of every setting.

use std::fmt::Write as _;

use super::Config;
use super::settings::{Field, settings, time};

impl Config {
    /// The effective configuration. It holds no secret: the only address that could carry one,
    /// `docker.host`, is refused with a user in it.
    pub fn to_yaml(&self) -> String {
        // The table's places are mutable borrows; a clone a print is cheap.
        let mut config = self.clone();
        let mut yaml = String::new();
        let mut open: Vec<&str> = Vec::new();
        let mut table: Vec<_> = settings().collect();
        // Stable: brings `probes.dns.*` together behind the settings of `probes` itself.
        table.sort_by_key(|setting| settings().position(|s| parent(s.path) == parent(setting.path)));
        for setting in table {
            let mut parts: Vec<&str> = setting.path.split('.').collect();
            let key = parts.pop().unwrap_or_default();
            let shared = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
            for (depth, part) in parts.iter().enumerate().skip(shared) {
                let _ = writeln!(yaml, "{:1$}{part}:", "", depth * 2);
            }
            let indent = parts.len() * 2;
            let value = setting.field.yaml(&mut config, indent);
            let space = if value.starts_with('\n') { "" } else { " " };
            let _ = writeln!(yaml, "{:1$}{key}:{space}{value}", "", indent);
            open = parts;
        }
        yaml
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

impl Field {
    fn yaml(&self, config: &mut Config, indent: usize) -> String {
        match self {
            Self::Flag(at) => at(config).to_string(),
            Self::Time(at, _) => time(*at(config)),
            Self::Whole { read, .. } => read(config).to_string(),
            Self::Engine(at) | Self::Folder(at) | Self::File(at) => quoted(at(config)),
            Self::Patterns(at) | Self::Networks(at) | Self::Labels(at) => {
                flow(at(config).iter().map(|text| quoted(text)))
            }
            Self::Names(at) => flow(at(config).iter().map(|name| quoted(name))),
            Self::Addresses(at) => flow(at(config).iter().map(|address| quoted(&address.to_string()))),
            Self::Ports(at) => flow(at(config).iter().map(ToString::to_string)),
            Self::Counters(at) => at(config).as_label().into(),
            Self::Groups(at) => {
                let group = |group: &Vec<String>| flow(group.iter().map(|pattern| quoted(pattern)));
                flow(at(config).iter().map(group))
            }
            Self::Overrides(at) => {
                let list = at(config);
                if list.is_empty() {
                    return "[]".into();
                }
                let mut yaml = String::new();
                for over in list {
                    let destination = quoted(&over.destination);
                    let _ = write!(yaml, "\n{:1$}- destination: {destination}", "", indent + 2);
                    let pairs = [
                        ("kind", Some(over.kind.as_label().to_owned())),
                        ("enabled", over.enabled.map(|flag| flag.to_string())),
                        ("interval", over.interval.map(time)),
                        ("timeout", over.timeout.map(time)),
                    ];
                    for (key, value) in pairs {
                        if let Some(value) = value {
                            let _ = write!(yaml, "\n{:1$}{key}: {value}", "", indent + 4);
                        }
                    }
                }
                yaml
            }
        }
    }
}

fn flow(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A double-quoted scalar of plain ASCII: what YAML would fold or refuse is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            ' '..='~' => out.push(sign),
            _ => {
                let _ = write!(out, "\\U{:08X}", u32::from(sign));
            }
        }
    }
    out.push('"');
    out
}

/// The page `docs/configuration.md`.
pub fn documentation() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut config = Config::default();
    let mut section = "";
    for setting in settings() {
        let top = setting.path.split('.').next().unwrap_or_default();
        if top != section {
            section = top;
            let _ = write!(
                page,
                "\n### {top}\n\n| setting | type | default | what it does |\n| --- | --- | --- | --- |\n"
            );
        }
        let default = setting.field.yaml(&mut config, 0);
        let _ = writeln!(
            page,
            "| `{}` | {} | `{default}` | {} |",
            setting.path,
            setting.field.describe(),
            setting.help
        );
    }
    page.push_str(OVERRIDES);
    page
}

/// The file that the page shows; a test loads it.
pub const EXAMPLE: &str = include_str!("example.yaml");

const INTRODUCTION: &str = concat!(
    "<!-- Generated from src/config/settings.rs: UPDATE_DOCS=1 cargo test --test configuration -->\n\
# Configuration

Everything has a default that works: with no file and no flag the exporter watches the local Engine.
A file says only what differs, in YAML, and is given with `--config.file`:

```yaml
",
    include_str!("example.yaml"),
    "```

`destination-exporter --config.file FILE --config.check` checks a file, and `destination-exporter config`
prints the effective configuration, which is itself a file that loads.

A file that is wrong is refused whole. Every error is told at once, with its place and what was expected:

```text
line 2, column 9: probes.ring: expected a whole number from 1 to 64, found 0
line 4, column 15: probes.dns.interval: expected a duration like `15s` or `1m30s`, from 1s to 1day, found 15 without a unit (`15s`?)
line 5, column 3: probes: unknown setting \"htpp\"; did you mean `http`?
```

Text that is not YAML at all ends the reading at its first error. A file is a regular one, no pipe and no
device, of at most 1 MiB. Durations are written with their unit: `500ms`, `15s`, `1m30s`. In a pattern `*`
stands for any run of characters and is the only special sign.

## Settings
"
);

const OVERRIDES: &str = "
### An entry of `probes.overrides`

| setting | type | what it does |
| --- | --- | --- |
| `destination` | a pattern like `app-*` | The destinations it holds for. Needed. |
| `kind` | `dns`, `dns_external`, `icmp`, `icmp_external`, `tcp`, `http`, `proxy`, `route`, `published_port`, `isolation`, `path_mtu`, `hairpin`, `overlay` or `node` | The kind of probe it changes. Needed. |
| `enabled` | true or false | As `probes.KIND.enabled`. |
| `interval` | a duration | As `probes.KIND.interval`. |
| `timeout` | a duration | As `probes.KIND.timeout`. |

At least one of the last three is needed; what is absent stays as it is.
";
