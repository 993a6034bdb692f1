//! One panel, in Grafana's classic form.

use serde_json::{Map, Value, json};

use crate::query::filled;
use crate::words::Words;

/// The data source that the reader chose.
pub fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// A panel that has no place yet.
pub struct Panel {
    kind: &'static str,
    title: String,
    description: String,
    targets: Vec<Value>,
    defaults: Map<String, Value>,
    custom: Map<String, Value>,
    overrides: Vec<Value>,
    options: Value,
    transformations: Vec<Value>,
}

fn reduce() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn mappings(words: Words) -> Value {
    let options: Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(index, (value, text, color))| {
            ((*value).to_owned(), json!({"color": color, "index": index, "text": text}))
        })
        .collect();
    json!([{"type": "value", "options": options}])
}

fn steps(thresholds: &[(f64, &str)]) -> Value {
    let steps: Vec<Value> = thresholds
        .iter()
        .enumerate()
        .map(|(n, (from, color))| json!({"color": color, "value": if n == 0 { Value::Null } else { json!(from) }}))
        .collect();
    json!({"mode": "absolute", "steps": steps})
}

impl Panel {
    fn new(kind: &'static str, title: &str, description: &str, custom: Value, options: Value) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            description: description.split_whitespace().collect::<Vec<_>>().join(" "),
            targets: Vec::new(),
            defaults: object(
                json!({"color": {"mode": "thresholds"}, "mappings": [], "thresholds": steps(&[(0.0, "text")])}),
            ),
            custom: object(custom),
            overrides: Vec::new(),
            options,
            transformations: Vec::new(),
        }
    }

    /// One figure, or one tile a series.
    pub fn stat(title: &str, description: &str) -> Self {
        let options = json!({
            "colorMode": "background", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
            "percentChangeColorMode": "standard", "reduceOptions": reduce(), "showPercentChange": false,
            "textMode": "auto", "wideLayout": true,
        });
        Self::new("stat", title, description, json!({}), options)
    }

    /// One bar a series, for what has an end.
    pub fn bars(title: &str, description: &str) -> Self {
        let options = json!({
            "displayMode": "basic", "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false},
            "maxVizHeight": 60, "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "left",
            "orientation": "horizontal", "reduceOptions": reduce(), "showUnfilled": true, "sizing": "auto",
            "text": {"titleSize": 14, "valueSize": 18}, "valueMode": "color",
        });
        Self::new("bargauge", title, description, json!({}), options)
    }

    /// One row a series, as it is now.
    pub fn table(title: &str, description: &str) -> Self {
        let options = json!({"cellHeight": "sm", "frameIndex": 0, "showHeader": true, "sortBy": []});
        let custom = json!({"align": "auto", "cellOptions": {"type": "auto"}, "filterable": false, "inspect": false, "minWidth": 60});
        let mut panel = Self::new("table", title, description, custom, options);
        // What one row has nothing of is a dash, not what the whole table says when it is empty.
        for kind in ["number", "string"] {
            panel.overrides.push(json!({
                "matcher": {"id": "byType", "options": kind}, "properties": [{"id": "noValue", "value": "–"}],
            }));
        }
        panel
    }

    /// Lines over time.
    pub fn series(title: &str, description: &str) -> Self {
        let options = json!({
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        });
        let custom = json!({
            "axisPlacement": "auto", "drawStyle": "line", "fillOpacity": 8, "lineInterpolation": "linear", "lineWidth": 1,
            "pointSize": 5, "scaleDistribution": {"type": "linear"}, "showPoints": "auto", "spanNulls": false,
            "stacking": {"group": "A", "mode": "none"}, "thresholdsStyle": {"mode": "off"},
        });
        let mut panel = Self::new("timeseries", title, description, custom, options);
        panel.defaults.insert("color".into(), json!({"mode": "palette-classic"}));
        panel.defaults.insert("min".into(), json!(0));
        panel
    }

    /// States over time, a line each.
    pub fn timeline(title: &str, description: &str) -> Self {
        let options = json!({
            "alignValue": "left", "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
            "mergeValues": true, "rowHeight": 0.85, "showValue": "auto", "tooltip": {"mode": "single", "sort": "none"},
        });
        Self::new("state-timeline", title, description, json!({"fillOpacity": 80, "lineWidth": 0}), options)
    }

    /// Asks; a table or a tile asks for now alone.
    pub fn ask(self, expr: &str, legend: &str) -> Self {
        let now = matches!(self.kind, "stat" | "table" | "bargauge");
        self.target(expr, legend, now)
    }

    fn target(mut self, expr: &str, legend: &str, now: bool) -> Self {
        let letter = char::from(b'A' + u8::try_from(self.targets.len()).unwrap_or(25));
        let format = if self.kind == "table" { "table" } else { "time_series" };
        let mut target = json!({
            "datasource": datasource(), "editorMode": "code", "expr": filled(expr), "format": format,
            "instant": now, "range": !now, "refId": letter.to_string(),
        });
        if self.kind != "table" {
            target["legendFormat"] = json!(legend);
        }
        self.targets.push(target);
        self
    }

    /// The unit, by Grafana's name.
    pub fn unit(mut self, unit: &str) -> Self {
        self.defaults.insert("unit".into(), json!(unit));
        self
    }

    pub fn decimals(mut self, count: u32) -> Self {
        self.defaults.insert("decimals".into(), json!(count));
        self
    }

    /// What stands there when there is nothing to show.
    pub fn none(mut self, text: &str) -> Self {
        self.defaults.insert("noValue".into(), json!(text));
        self
    }

    /// Values that are words.
    pub fn words(mut self, words: Words) -> Self {
        self.defaults.insert("mappings".into(), mappings(words));
        self.unit("none")
    }

    /// Colours from these values on; the first is that of everything below.
    pub fn thresholds(mut self, thresholds: &[(f64, &str)]) -> Self {
        self.defaults.insert("thresholds".into(), steps(thresholds));
        self
    }

    /// Draws them as lines.
    pub fn limits(mut self) -> Self {
        self.custom.insert("thresholdsStyle".into(), json!({"mode": "dashed"}));
        self
    }

    /// How far the axis reaches at least, so that nothing is not as tall as something.
    pub fn reaches(mut self, value: f64) -> Self {
        self.custom.insert("axisSoftMax".into(), json!(value));
        self
    }

    pub fn min(mut self, min: f64) -> Self {
        self.defaults.insert("min".into(), json!(min));
        self
    }

    pub fn max(mut self, max: f64) -> Self {
        self.defaults.insert("max".into(), json!(max));
        self
    }

    /// Adds the series up.
    pub fn stacked(mut self) -> Self {
        self.custom.insert("stacking".into(), json!({"group": "A", "mode": "normal"}));
        self.custom.insert("fillOpacity".into(), json!(40));
        self
    }

    /// Draws the series that match below zero, for what goes the other way.
    pub fn below_zero(mut self, pattern: &str) -> Self {
        self.defaults.remove("min");
        self.overrides.push(json!({
            "matcher": {"id": "byRegexp", "options": pattern},
            "properties": [{"id": "custom.transform", "value": "negative-Y"}],
        }));
        self
    }

    /// A figure without a coloured ground, for what is neither good nor bad.
    pub fn plain(mut self) -> Self {
        self.options["colorMode"] = json!("none");
        self
    }

    /// Tiles that show the name of their series too.
    pub fn named(mut self) -> Self {
        self.options["text"] = json!({"titleSize": 16, "valueSize": 26});
        self.options["textMode"] = json!("value_and_name");
        self
    }

    /// Tiles that show the name alone, for what is told by a label.
    pub fn name_only(mut self) -> Self {
        self.options["textMode"] = json!("name");
        self
    }

    /// Where a click leads.
    pub fn link(mut self, title: &str, url: &str) -> Self {
        let link = json!({"title": title, "url": url, "targetBlank": url.starts_with("${")});
        if let Some(links) = self.defaults.entry("links").or_insert_with(|| json!([])).as_array_mut() {
            links.push(link);
        }
        self
    }

    /// The columns of a table, in this order: field and heading. The others are left out.
    pub fn columns(mut self, columns: &[(&str, &str)], left_out: &[&str]) -> Self {
        let order: Map<String, Value> =
            columns.iter().enumerate().map(|(n, (field, _))| ((*field).to_owned(), json!(n))).collect();
        let names: Map<String, Value> =
            columns.iter().map(|(field, name)| ((*field).to_owned(), json!(name))).collect();
        let gone: Map<String, Value> =
            left_out.iter().map(|field| ((*field).to_owned(), json!(true))).collect();
        self.transformations.push(json!({
            "id": "organize",
            "options": {"excludeByName": gone, "includeByName": {}, "indexByName": order, "renameByName": names},
        }));
        self
    }

    /// Puts the answers of a table's queries beside each other, by the labels that they share.
    pub fn merged(mut self) -> Self {
        self.transformations.push(json!({"id": "merge", "options": {}}));
        self
    }

    /// Cells on a ground of their colour: a word for nothing, another for more.
    pub fn cells(mut self, nothing: (&str, &str), more: (&str, &str)) -> Self {
        let mappings = json!([
            {"type": "value", "options": {"0": {"index": 0, "text": nothing.0, "color": nothing.1}}},
            {"type": "range", "options": {"from": 1, "to": null, "result": {"index": 1, "text": more.0, "color": more.1}}},
        ]);
        self.defaults.insert("mappings".into(), mappings);
        self.custom.insert("cellOptions".into(), json!({"type": "color-background", "mode": "basic"}));
        self.unit("none").thresholds(&[(0.0, "transparent")])
    }

    /// A table of one label against another, the value in the cells.
    pub fn matrix(mut self, row: &str, column: &str, empty: &str) -> Self {
        self.transformations.push(json!({
            "id": "groupingToMatrix",
            "options": {"columnField": column, "rowField": row, "valueField": "Value", "emptyValue": empty},
        }));
        self
    }

    /// Something else of one column, by its heading.
    pub fn column(mut self, heading: &str, properties: &[(&str, Value)]) -> Self {
        let properties: Vec<Value> =
            properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
        self.overrides
            .push(json!({"matcher": {"id": "byName", "options": heading}, "properties": properties}));
        self
    }

    /// Text that is shown whole, on as many lines as it takes.
    pub fn column_wrapped(self, heading: &str, width: u32) -> Self {
        let properties = [
            // Grafana before 12 does not know it, and cuts the text off.
            ("custom.wrapText", json!(true)),
            ("custom.width", json!(width)),
        ];
        self.column(heading, &properties)
    }

    pub fn column_width(self, heading: &str, width: u32) -> Self {
        self.column(heading, &[("custom.width", json!(width))])
    }

    /// A column of words on a ground of their colour.
    pub fn column_words(self, heading: &str, words: Words) -> Self {
        let properties = [
            ("mappings", mappings(words)),
            ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
            ("custom.align", json!("left")),
            ("unit", json!("none")),
        ];
        self.column(heading, &properties)
    }

    /// A column of figures, coloured from these values on.
    pub fn column_thresholds(self, heading: &str, unit: &str, thresholds: &[(f64, &str)]) -> Self {
        let properties = [
            ("unit", json!(unit)),
            ("thresholds", steps(thresholds)),
            ("custom.cellOptions", json!({"type": "color-text"})),
        ];
        self.column(heading, &properties)
    }

    /// A column whose cells lead somewhere.
    pub fn column_link(self, heading: &str, title: &str, url: &str) -> Self {
        let link = json!([{"title": title, "url": url, "targetBlank": url.starts_with("${")}]);
        self.column(heading, &[("links", link)])
    }

    /// A column of addresses, shown as a word that opens them.
    pub fn column_door(self, heading: &str, word: &str) -> Self {
        let all =
            json!([{"type": "regex", "options": {"pattern": ".+", "result": {"index": 0, "text": word}}}]);
        let link = json!([{"title": word, "url": "${__value.raw}", "targetBlank": true}]);
        self.column(
            heading,
            &[
                ("mappings", all),
                ("links", link),
                ("custom.width", json!(90)),
                ("custom.filterable", json!(false)),
            ],
        )
    }

    /// Columns that the reader can look for something in.
    pub fn filterable(mut self) -> Self {
        self.custom.insert("filterable".into(), json!(true));
        self
    }

    /// The order of a table's rows.
    pub fn sorted(mut self, heading: &str, descending: bool) -> Self {
        self.options["sortBy"] = json!([{"displayName": heading, "desc": descending}]);
        self
    }

    /// At its place.
    pub fn json(mut self, id: usize, place: Value) -> Value {
        if !self.custom.is_empty() {
            self.defaults.insert("custom".into(), Value::Object(self.custom));
        }
        json!({
            "id": id, "type": self.kind, "title": self.title, "description": self.description,
            "datasource": datasource(), "gridPos": place, "targets": self.targets,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
            "options": self.options, "transformations": self.transformations,
        })
    }
}
