//! A page of metrics, read as its consumers read it.

use std::collections::{BTreeMap, BTreeSet};

pub struct Page<'a> {
    samples: Vec<(&'a str, &'a str)>,
}

impl<'a> Page<'a> {
    pub fn read(text: &'a str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self { samples: samples.filter_map(|line| line.rsplit_once(' ')).collect() }
    }

    /// Series, each as often as it is there.
    pub fn series(&self) -> impl Iterator<Item = &'a str> {
        self.samples.iter().map(|(series, _)| *series)
    }

    /// Series that are there more than once.
    pub fn twice(&self) -> Vec<&'a str> {
        let mut seen = BTreeSet::new();
        self.series().filter(|series| !seen.insert(*series)).collect()
    }

    pub fn is_up(&self) -> bool {
        self.samples.contains(&("destination_exporter_docker_up", "1"))
    }

    /// The Engine is told to be away, by the metric and by the finding.
    pub fn is_missed(&self) -> bool {
        !self.is_up() && self.is_blind()
    }

    pub fn is_blind(&self) -> bool {
        self.series()
            .any(|s| s.starts_with("destination_finding{") && label(s, "code") == Some("exporter-blind"))
    }

    /// Running containers by name, with their ids.
    pub fn containers(&self) -> BTreeMap<&'a str, &'a str> {
        let info = self.series().filter(|s| s.starts_with("destination_container_info{"));
        info.filter_map(|s| Some((label(s, "container")?, label(s, "container_id")?))).collect()
    }

    /// Every value of this label, anywhere or in one family.
    pub fn values(&self, family: Option<&str>, name: &str) -> BTreeSet<&'a str> {
        let of =
            |s: &&str| family.is_none_or(|f| s.strip_prefix(f).is_some_and(|rest| rest.starts_with('{')));
        self.series().filter(of).filter_map(|s| label(s, name)).collect()
    }
}

/// The soak's own names hold nothing that would be escaped.
fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let labels = series.split_once('{')?.1;
    let mut rest = labels;
    loop {
        let (key, after) = rest.split_once("=\"")?;
        let (value, next) = after.split_once('"')?;
        if key.trim_start_matches(',') == name {
            return Some(value);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP a b\n\
        destination_exporter_docker_up 1\n\
        destination_container_info{destination=\"shop\",container=\"web\",container_id=\"0a\"} 1\n\
        destination_icmp_requests_total{destination=\"shop\",source=\"web\",target=\"gateway\"} 7\n";

    #[test]
    fn a_page_says_who_is_there() {
        let page = Page::read(PAGE);
        assert!(page.is_up() && !page.is_blind());
        assert_eq!(page.containers(), BTreeMap::from([("web", "0a")]));
        assert_eq!(page.values(None, "target"), BTreeSet::from(["gateway"]));
        assert_eq!(page.values(Some("destination_container_info"), "target"), BTreeSet::new());
        assert!(page.twice().is_empty());
    }

    #[test]
    fn a_series_that_is_there_twice_is_found_whatever_its_value() {
        let text = format!("{PAGE}destination_exporter_docker_up 0\n");
        assert_eq!(Page::read(&text).twice(), ["destination_exporter_docker_up"]);
    }

    #[test]
    fn a_blind_exporter_says_so() {
        let text = "destination_finding{destination=\"\",code=\"exporter-blind\",severity=\"ticket\"} 1\n";
        assert!(Page::read(text).is_blind());
    }
}
