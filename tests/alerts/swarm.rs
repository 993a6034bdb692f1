//! Cases of what nodes of a Swarm tell of each other.

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Kind, Said, case};

pub fn cases() -> Vec<Case> {
    [partitioned(), no_quorum(), fault(), defect(), not_ready(), unwatched()].concat()
}

fn labels(
    severity: &'static str,
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    let own = [("severity", severity), ("scope", "swarm"), ("job", "destination-exporter")];
    own.iter().chain(more).copied().collect()
}

/// The first node is the exporter of every other case.
fn who(node: usize) -> String {
    format!("job=\"destination-exporter\",instance=\"server-{node}:10061\"")
}

/// What a node says of itself.
pub fn info(node: usize) -> String {
    format!(
        "destination_swarm_node_info{{{},node_id=\"n{node}\",node=\"node-{node}\",address=\"198.51.100.{node}\",role=\"worker\",state=\"active\"}}",
        who(node)
    )
}

/// What a manager says of a node.
pub fn ready(manager: usize, node: usize, availability: &str) -> String {
    format!(
        "destination_swarm_node_ready{{{},node=\"node-{node}\",address=\"198.51.100.{node}\",role=\"worker\",availability=\"{availability}\"}}",
        who(manager)
    )
}

/// A finding of one node.
pub fn found(
    node: usize,
    destination: &str,
    code: &str,
    severity: &str,
    subject: &str,
    kind: &str,
) -> String {
    format!(
        "destination_finding{{{},destination=\"{destination}\",code=\"{code}\",severity=\"{severity}\",subject=\"{subject}\",subject_kind=\"{kind}\"}}",
        who(node)
    )
}

fn told(node: usize, destination: &str, code: &str, severity: &str, subject: &str) -> String {
    format!(
        "destination_finding_info{{{},destination=\"{destination}\",code=\"{code}\",severity=\"{severity}\",subject=\"{subject}\",title=\"Something\",command=\"look at {subject}\"}}",
        who(node)
    )
}

fn partitioned() -> Vec<Case> {
    let name = "DestinationSwarmPartitioned";
    let says = |more: &str| {
        Said {
        labels: labels("critical", &[]),
        summary: "Swarm: 1 of its nodes not reached by others: 198.51.100.3 (node-3)",
        description: Box::leak(
            format!("Containers on different nodes do not reach each other. Users are hit now.\nNot reached: 198.51.100.3 (node-3)\nTold by: server-1:10061, server-2:10061\nSeen on: blog, shop\nFound: swarm-data-path-broken, swarm-peer-missing{more}\nRun first: look at 198.51.100.3")
                .into_boxed_str(),
        ),
        runbook: "/runbooks/DestinationSwarmPartitioned",
        board: ("swarm", ""),
        page: "/diagnostics",
    }
    };
    let subject = "198.51.100.3";
    // Two nodes tell of the third, each in its own way.
    let on = |kind, values: &str, up: &str| {
        case(kind, name)
            .series("up{@}", up)
            .series(&format!("up{{{}}}", who(2)), up)
            .series(&info(1), "1x200")
            .series(&info(3), "1x3 stale")
            .series("destination_exporter_docker_up{@}", "1x200")
            .series(&found(1, "shop", "swarm-data-path-broken", "page", subject, "node"), values)
            .series(&told(1, "shop", "swarm-data-path-broken", "page", subject), values)
            .series(&found(2, "blog", "swarm-peer-missing", "page", subject, "node"), values)
            .series(&told(2, "blog", "swarm-peer-missing", "page", subject), values)
    };
    let whole = |case: Case| case.series("destination_swarm_control{@}", "1x200");
    let no_quorum = "\nNo manager that is heard has a quorum: nothing is started or moved either.";
    // Its exporter is heard, and has no Engine: that is told by another alert, and what lingers of it is no partition.
    let engine = |kind, values: &str| {
        case(kind, name)
            .series(&format!("destination_exporter_docker_up{{{}}}", who(3)), values)
            .series(&info(3), "1x200")
            .series("up{@}", "1x200")
            .series(&found(1, "shop", "swarm-data-path-broken", "page", subject, "node"), "_x4 1x200")
            .series(&told(1, "shop", "swarm-data-path-broken", "page", subject), "1x200")
    };
    let alone = Said {
        description: "Containers on different nodes do not reach each other. Users are hit now.\nNot reached: 198.51.100.3 (node-3)\nTold by: server-1:10061\nSeen on: shop\nFound: swarm-data-path-broken\nRun first: look at 198.51.100.3",
        ..says("")
    };
    vec![
        whole(on(Fires, "_x4 1x39 stale", "1x200"))
            .says(says(""))
            .silent(&["75s"])
            .fires(&["90s", "10m", "945s"])
            .silent(&["16m"]),
        on(Fires, "_x4 1x39 stale", "1x200")
            .series("destination_swarm_control{@}", "0x200")
            .says(says(no_quorum))
            .fires(&["90s"]),
        whole(on(Below, "_x4 0x100", "1x200")).silent(&["90s", "2m", "10m"]),
        case(Below, name)
            .series(&found(1, "shop", "swarm-vip-unreachable", "page", "shop_web", "service"), "1x200")
            .silent(&["2m", "10m"]),
        whole(on(Lost, "_x4 1 stale 1x18 stale 1x20", "1x4 0 1x18 0 1x200"))
            .says(says(""))
            .silent(&["75s"])
            .fires(&["90s", "6m", "375s"]),
        // Nobody is heard of again.
        whole(on(Lost, "_x4 1 stale", "1x4 0x200")).says(says("")).fires(&["90s", "645s"]).silent(&["690s"]),
        engine(Below, "0x200").silent(&["90s", "10m"]),
        engine(Fires, "0x20 1x200").silent(&["8m", "510s"]).says(alone.clone()).fires(&["525s", "540s"]),
        engine(Fires, "1x200").says(alone).fires(&["90s"]),
    ]
}

fn no_quorum() -> Vec<Case> {
    let name = "DestinationSwarmNoQuorum";
    let says = |how_many: &str, who: &str, by: &str| {
        Said {
        labels: labels("critical", &[]),
        summary: Box::leak(format!("Swarm: {how_many} of its managers cannot decide").into_boxed_str()),
        description: Box::leak(
            format!("What runs goes on, and nothing is started, moved or mended{by}.\nTold by: {who}\nRun first: look at swarm")
                .into_boxed_str(),
        ),
        runbook: "/runbooks/DestinationSwarmNoQuorum",
        board: ("swarm", ""),
        page: "/diagnostics",
    }
    };
    let on = |kind, severity: &str, values: &str, up: &str| {
        let mut case = case(kind, name).series("up{@}", up);
        for node in [1, 2] {
            case = case
                .series(&found(node, "", "swarm-no-quorum", severity, "swarm", "swarm"), values)
                .series(&told(node, "", "swarm-no-quorum", severity, "swarm"), values);
        }
        case.series(&format!("up{{{}}}", who(2)), up)
    };
    let both = || says("2", "server-1:10061, server-2:10061", "");
    let control = |node: usize| format!("destination_swarm_control{{{}}}", who(node));
    let parted = found(3, "shop", "swarm-peer-missing", "page", "198.51.100.1", "node");
    vec![
        on(Fires, "page", "_x4 1x39 stale", "1x200")
            .series(&control(1), "0x200")
            .says(both())
            .silent(&["165s"])
            .fires(&["3m", "945s"])
            .silent(&["16m"]),
        // One of them alone.
        case(Fires, name)
            .series(&control(1), "0x200")
            .series(&control(2), "1x200")
            .series(&control(3), "1x200")
            .series(&found(1, "", "swarm-no-quorum", "page", "swarm", "swarm"), "1x200")
            .series(&told(1, "", "swarm-no-quorum", "page", "swarm"), "1x200")
            .says(says("1", "server-1:10061", " by these; 2 other managers decide"))
            .fires(&["2m"]),
        on(Below, "ticket", "_x4 1x200", "1x200").silent(&["3m", "10m"]),
        on(Below, "page", "_x4 0x200", "1x200").silent(&["3m", "10m"]),
        on(Below, "page", "_x4 1x200", "1x200").series(&parted, "_x6 1x200").silent(&["3m", "10m"]),
        on(Lost, "page", "_x4 1 stale 1x18", "1x4 0 1x200").says(both()).silent(&["165s"]).fires(&["3m"]),
    ]
}

/// What several nodes tell, and is one alert.
struct Sort {
    alert: &'static str,
    severity: &'static str,
    found: &'static str,
    destination: &'static str,
    code: &'static str,
    kind: &'static str,
    subject: &'static str,
    hit: &'static str,
    page: &'static str,
}

const VIP: Sort = Sort {
    alert: "DestinationSwarmFault",
    severity: "critical",
    found: "page",
    destination: "shop",
    code: "swarm-vip-unreachable",
    kind: "service",
    subject: "shop_web",
    hit: "Users are hit now.",
    page: "/diagnostics/shop#swarm-vip-unreachable-shop_web",
};

const REFUSED: Sort = Sort {
    alert: "DestinationSwarmDefect",
    severity: "warning",
    found: "ticket",
    destination: "",
    code: "swarm-no-quorum",
    kind: "swarm",
    subject: "swarm",
    hit: "Users will be hit, or a part of them is.",
    page: "/diagnostics#swarm-no-quorum-swarm",
};

impl Sort {
    fn on(&self, kind: Kind, severity: &str, values: &str, up: &str) -> Case {
        let Self { destination, code, subject, .. } = self;
        let mut case = case(kind, self.alert).series("up{@}", up).series(&format!("up{{{}}}", who(2)), up);
        for node in [1, 2] {
            case = case
                .series(&found(node, destination, code, severity, subject, self.kind), values)
                .series(&told(node, destination, code, severity, subject), values);
        }
        case
    }

    fn said(&self) -> Said {
        let Self { destination, code, kind, subject, hit, .. } = self;
        let place = if destination.is_empty() { String::new() } else { format!(" on {destination}") };
        let mut more = vec![("code", self.code), ("subject", self.subject), ("subject_kind", self.kind)];
        if !destination.is_empty() {
            more.push(("destination", self.destination));
        }
        let [summary, description, runbook] = [
            format!("{code}: {subject}{place}"),
            format!("{kind} {subject}{place}: Something. {hit}\nRun first: look at {subject}\nTold by: server-1:10061, server-2:10061"),
            format!("/runbooks/{code}"),
        ]
        .map(|text| &*Box::leak(text.into_boxed_str()));
        Said {
            labels: labels(self.severity, &more),
            summary,
            description,
            runbook,
            board: ("swarm", ""),
            page: self.page,
        }
    }

    /// Another severity has another alert; and what parts nodes, and that there is no quorum, have theirs.
    fn below(&self, other: &str) -> Vec<Case> {
        vec![
            self.on(Below, other, "1x200", "1x200").silent(&["2m", "10m"]),
            self.on(Below, self.found, "0x200", "1x200").silent(&["2m", "10m"]),
            case(Below, self.alert)
                .series(
                    &found(1, "shop", "swarm-data-path-broken", self.found, "198.51.100.3", "node"),
                    "1x200",
                )
                .series(&found(1, "shop", "container-unreachable", self.found, "web", "container"), "1x200")
                .silent(&["2m", "10m"]),
        ]
    }
}

fn fault() -> Vec<Case> {
    let mut cases = VIP.below("ticket");
    cases.extend([
        VIP.on(Fires, "page", "_x4 1x39 stale", "1x200")
            .says(VIP.said())
            .silent(&["105s"])
            .fires(&["2m", "10m", "945s"])
            .silent(&["16m"]),
        VIP.on(Lost, "page", "_x4 1 stale 1x18 stale 1x20", "1x4 0 1x18 0 1x200")
            .says(VIP.said())
            .silent(&["105s"])
            .fires(&["2m", "6m", "375s"]),
    ]);
    cases.push(
        case(Below, VIP.alert)
            .series(&found(1, "", "swarm-no-quorum", "page", "swarm", "swarm"), "1x200")
            .silent(&["2m", "10m"]),
    );
    cases
}

fn defect() -> Vec<Case> {
    let parted = found(3, "shop", "swarm-peer-missing", "page", "198.51.100.1", "node");
    let mut cases = REFUSED.below("page");
    let stale = Sort {
        destination: "shop",
        code: "swarm-stale-tasks",
        kind: "service",
        subject: "shop_web",
        page: "/diagnostics/shop#swarm-stale-tasks-shop_web",
        ..REFUSED
    };
    cases.extend([
        REFUSED
            .on(Fires, "ticket", "_x4 1x39 stale", "1x200")
            .says(REFUSED.said())
            .silent(&["345s"])
            .fires(&["6m", "1545s"])
            .silent(&["26m"]),
        REFUSED
            .on(Lost, "ticket", "_x4 1 stale 1x38", "1x4 0 1x200")
            .says(REFUSED.said())
            .silent(&["345s"])
            .fires(&["6m"]),
        // A manager that is cut off is told of already; what else there is is not.
        REFUSED.on(Below, "ticket", "1x200", "1x200").series(&parted, "1x200").silent(&["6m", "10m"]),
        stale
            .on(Fires, "ticket", "1x200", "1x200")
            .series(&parted, "1x200")
            .says(stale.said())
            .fires(&["6m"]),
    ]);
    cases
}

fn not_ready() -> Vec<Case> {
    let name = "DestinationSwarmNodeNotReady";
    let said = Said {
        labels: labels("warning", &[("node", "node-3"), ("address", "198.51.100.3"), ("role", "worker")]),
        summary: "Node node-3 (198.51.100.3) is not ready",
        description: "The managers hear nothing of worker node-3 (198.51.100.3). Its tasks are started on other nodes where they may be; what is bound to it is away.\nLook first, there: systemctl status docker; journalctl -u docker --since -15min\nOn a manager: docker node inspect --pretty node-3\nWhere it is meant to be away: docker node update --availability drain node-3",
        runbook: "/runbooks/DestinationSwarmNodeNotReady",
        board: ("swarm", ""),
        page: "/diagnostics",
    };
    // Two managers tell.
    let on = |kind, availability: &str, one: &str, other: &str| {
        case(kind, name)
            .step("1m")
            .series(&info(1), "1x90")
            .series(&ready(1, 3, availability), one)
            .series(&ready(2, 3, availability), other)
            .says(said.clone())
    };
    let parted = found(2, "shop", "swarm-data-path-broken", "page", "198.51.100.3", "node");
    vec![
        on(Fires, "active", "1 0x30 1x60", "1 0x30 1x60")
            .silent(&["10m"])
            .fires(&["11m", "45m"])
            .silent(&["47m"]),
        on(Fires, "pause", "0x90", "0x90").fires(&["10m"]),
        on(Below, "active", "0x90", "1x90").silent(&["10m", "30m"]),
        on(Below, "drain", "0x90", "0x90").silent(&["10m", "30m"]),
        // It is drained meanwhile.
        on(Below, "active", "0x4 stale", "0x4 stale").silent(&["9m", "10m", "11m"]),
        on(Below, "active", "0x90", "0x90").series(&parted, "1x90").silent(&["10m", "30m"]),
        // What others do not reach is another node.
        on(Fires, "active", "0x90", "0x90")
            .series(&parted.replace("198.51.100.3", "198.51.100.4"), "1x90")
            .fires(&["10m"]),
        on(Lost, "active", "0x6 stale stale 0x90", "0x5 stale stale stale 0x90").fires(&["10m"]),
        on(Lost, "active", "0x12 stale", "0x12 stale").fires(&["10m", "31m"]).silent(&["33m"]),
    ]
}

fn unwatched() -> Vec<Case> {
    let name = "DestinationSwarmNodeUnwatched";
    let said = Said {
        labels: labels("warning", &[("node", "node-3"), ("address", "198.51.100.3")]),
        summary: "Node node-3 (198.51.100.3) is not watched",
        description: "The managers say that node-3 (198.51.100.3) is ready, and within the last hour no exporter there was scraped: what is wrong on it, or on the way from it, is not noticed.\nOn a manager: docker node ps node-3\nThere: docker ps -a --filter name=destination-exporter; curl -sS localhost:10061/-/healthy\nWhere it runs: is it a target of Prometheus, on its page /targets?",
        runbook: "/runbooks/DestinationSwarmNodeUnwatched",
        board: ("swarm", ""),
        page: "/diagnostics",
    };
    let on = |kind, series: &str, values: &str| {
        case(kind, name)
            .step("1m")
            .series(&info(1), "1x150")
            .series(&ready(1, 1, "active"), "1x150")
            .series(series, values)
            .says(said.clone())
    };
    let third = ready(1, 3, "active");
    vec![
        on(Fires, &third, "_ 1x90").silent(&["15m"]).fires(&["16m", "1h"]),
        on(Fires, &third, "1x30 stale").fires(&["15m", "49m"]).silent(&["51m"]),
        on(Below, &third, "0x90").silent(&["15m", "30m"]),
        on(Below, &ready(1, 3, "drain"), "1x90").silent(&["15m", "30m"]),
        on(Below, &third.replace("198.51.100.3", ""), "1x90").silent(&["15m", "30m"]),
        on(Below, &third, "1x150").series(&info(3), "1x150").silent(&["15m", "2h"]),
        // It was there until ten minutes after the beginning.
        on(Fires, &third, "1x150").series(&info(3), "1x10 stale").silent(&["84m"]).fires(&["87m"]),
        on(Lost, &third, "1x8 stale stale stale 1x90").fires(&["15m"]),
    ]
}
