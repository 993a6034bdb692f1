//! What the kernel says of rules that iptables and nft wrote.

use ipnet::IpNet;
use proptest::prelude::*;

use crate::netstack::firewall::{Action, Own};

use super::super::scratch::Scratch;
use super::super::{Hopper, Inside};
use super::*;

/// A host with these rules; a line is a command.
fn host(lines: &str) -> Scratch {
    let host = Scratch::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let ran = host.enter(&["sh", "-c", line]).wait().expect("iptables and nft: make deps");
        assert!(ran.success(), "{line}");
    }
    host
}

async fn read(host: &Scratch) -> Firewall {
    let hopper = Hopper::start().expect("starts");
    hopper.hop(&host.vantage(), |inside: &Inside| inside.firewall()).await.expect("inside").expect("as root")
}

/// As Engines before 28 write them.
const ENGINES: &str = "
    iptables -P FORWARD DROP
    iptables -N DOCKER
    iptables -N DOCKER-USER
    iptables -N DOCKER-ISOLATION-STAGE-1
    iptables -A DOCKER-USER -j RETURN
    iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
    iptables -A FORWARD -j DOCKER-USER
    iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
    iptables -A FORWARD -o br-shop -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    iptables -A FORWARD -o br-shop -j DOCKER
    iptables -A FORWARD -i br-shop ! -o br-shop -j ACCEPT
    iptables -A FORWARD -i br-shop -o br-shop -j ACCEPT
    iptables -t nat -N DOCKER
    iptables -t nat -A DOCKER -i br-shop -j RETURN
    iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -A POSTROUTING -s 10.1.0.0/24 ! -o br-shop -j MASQUERADE
";

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

#[tokio::test]
async fn the_engines_rules_are_known_and_missed() {
    let host = host(ENGINES);
    let whole = read(&host).await;
    assert_eq!(whole.own(), Own::Whole, "{whole:#?}");
    assert!(!whole.keeps_none_apart() && !whole.leads_no_port());
    assert_eq!(whole.masquerades(&net("10.1.0.0/24")), Some(true));
    assert_eq!(whole.masquerades(&net("10.2.0.0/24")), Some(false));
    assert!(whole.blocks("br-shop").is_none());
    let after = |line: &'static str| {
        let host = &host;
        async move {
            assert!(host.enter(&["sh", "-c", line]).wait().expect("ran").success(), "{line}");
            read(host).await
        }
    };
    assert!(after("iptables -F DOCKER-ISOLATION-STAGE-1").await.keeps_none_apart());
    assert!(after("iptables -t nat -F DOCKER").await.leads_no_port());
    let lacking = |lack: Own| match lack {
        Own::Lacking(lack) => (lack.forward, lack.isolation, lack.ports),
        other => panic!("{other:?}"),
    };
    let apart = after("iptables -D FORWARD -j DOCKER-ISOLATION-STAGE-1").await;
    assert_eq!(lacking(apart.own()), (false, true, false));
    assert_eq!(lacking(after("iptables -F FORWARD").await.own()), (true, false, false));
    let nat = after("iptables -t nat -F").await;
    assert_eq!(lacking(nat.own()), (true, false, true));
    assert_eq!(nat.masquerades(&net("10.1.0.0/24")), Some(false));
    let gone = after("iptables -F && iptables -X && iptables -t nat -X").await;
    assert_eq!(gone.own(), Own::None);
    assert_eq!(after("nft flush ruleset").await, Firewall::default());
}

#[tokio::test]
async fn who_loses_what_containers_send_is_known_by_table_chain_and_rule() {
    let blocks = |firewall: &Firewall, bridge: &str| {
        firewall.blocks(bridge).map(|block| {
            let Chain { family, table, name, .. } = block.chain;
            format!("{} {table} {name} {:?}", family.as_str(), block.rule)
        })
    };
    let healthy = host(&format!(
        "{ENGINES}
        iptables -P INPUT DROP
        iptables -N ufw-before-forward
        iptables -A FORWARD -j ufw-before-forward
        iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited
        nft add table inet firewalld
        nft 'add chain inet firewalld filter_FORWARD {{ type filter hook forward priority 10 ; policy accept ; }}'
        nft add chain inet firewalld filter_FORWARD_POLICIES
        nft add rule inet firewalld filter_FORWARD ct state established,related accept
        nft add rule inet firewalld filter_FORWARD ct status dnat accept
        nft add rule inet firewalld filter_FORWARD jump filter_FORWARD_POLICIES
        nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited
        "
    ));
    assert_eq!(blocks(&read(&healthy).await, "br-shop"), None);
    let rejects =
        host(&format!("{ENGINES} iptables -I FORWARD -j REJECT --reject-with icmp-host-prohibited"));
    assert_eq!(blocks(&read(&rejects).await, "br-shop").as_deref(), Some("ip filter FORWARD Some(0)"));
    let user = host(&format!("{ENGINES} iptables -I FORWARD 2 -m comment --comment no -j DROP"));
    assert_eq!(blocks(&read(&user).await, "br-shop").as_deref(), Some("ip filter FORWARD Some(1)"));
    let policy = host(&format!(
        "{ENGINES}
        nft add table inet filter
        nft 'add chain inet filter forward {{ type filter hook forward priority 0 ; policy drop ; }}'
        nft add rule inet filter forward ct state established,related accept
        nft 'add rule inet filter forward ct state vmap {{ established : accept, invalid : drop }}'
        nft add rule inet filter forward iifname wg0 accept
        nft add rule inet filter forward ip saddr 10.1.0.9 counter drop
        "
    ));
    let seen = read(&policy).await;
    assert_eq!(blocks(&seen, "br-shop").as_deref(), Some("inet filter forward None"));
    assert_eq!(blocks(&seen, "wg0"), None);
    let (chain, _) = seen.bans(&net("10.1.0.9/32")).expect("a rule");
    assert_eq!(chain.name, "forward");
    assert_eq!(seen.bans(&net("10.1.0.8/32")), None);
    let own = host(&format!("{ENGINES} iptables -I DOCKER-USER -j DROP"));
    assert_eq!(blocks(&read(&own).await, "br-shop").as_deref(), Some("ip filter DOCKER-USER Some(0)"));
    // After what lets all go back nothing comes any more.
    let behind = host(&format!("{ENGINES} iptables -A DOCKER-USER -j DROP"));
    assert_eq!(blocks(&read(&behind).await, "br-shop"), None);
    let accepts = host(&format!(
        "{ENGINES}
        nft add table inet filter
        nft 'add chain inet filter forward {{ type filter hook forward priority 0 ; policy drop ; }}'
        nft 'add rule inet filter forward iifname \"br-*\" accept'
        "
    ));
    assert_eq!(blocks(&read(&accepts).await, "br-shop"), None);
    assert!(blocks(&read(&accepts).await, "docker0").is_some());
}

#[tokio::test]
async fn rules_say_what_they_are_narrowed_to() {
    let host = host(
        "
        iptables -A FORWARD -s 10.0.0.0/22 -m comment --comment hi -j DROP
        iptables -A FORWARD -s 10.0.2.0/24 -j DROP
        iptables -A FORWARD -s 10.0.2.3 -j REJECT
        iptables -A FORWARD ! -s 10.0.2.3 -j DROP
        iptables -A FORWARD -i br-+ -o eth0 -j ACCEPT
        iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        iptables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT
        iptables -A FORWARD -p tcp --dport 80 -j LOG
        iptables -A FORWARD -j LOG
        ",
    );
    let firewall = read(&host).await;
    let rules = firewall.chain("filter", "FORWARD").and_then(|chain| chain.rules.clone()).expect("read");
    let sources: Vec<Option<String>> =
        rules.iter().map(|rule| rule.source.map(|net| net.to_string())).collect();
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(sources[..4], [told("10.0.0.0/22"), told("10.0.2.0/24"), told("10.0.2.3/32"), None]);
    assert!(rules[0].loses() && !rules[0].narrowed && rules[2].action == Action::Reject);
    assert!(rules[3].narrowed && !rules[3].is_for_all());
    assert_eq!((rules[4].input.as_deref(), rules[4].output.as_deref()), (Some("br-*"), Some("eth0")));
    assert!(rules[5].of_connections && !rules[6].of_connections && rules[6].narrowed);
    assert!(rules[7].narrowed && rules[8].is_for_all() && rules[8].action == Action::Nothing);
}

/// A list of bans, a cluster's services: what is read does not grow with them.
#[tokio::test]
async fn ten_thousand_rules_elsewhere_cost_nothing() {
    let host = host(ENGINES);
    let rules: String = (0..10_000).fold(
        String::from("add table ip bans\nadd chain ip bans input { type filter hook input priority 0 ; }\n"),
        |all, n| all + &format!("add rule ip bans input ip saddr 198.51.{}.{} drop\n", n / 250, n % 250),
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), rules).expect("written");
    let path = file.path().display().to_string();
    assert!(host.enter(&["nft", "-f", &path]).wait().expect("nft").success());
    let began = std::time::Instant::now();
    let firewall = read(&host).await;
    println!("with ten thousand rules: {:?}", began.elapsed());
    assert_eq!(firewall.own(), Own::Whole);
    let input = firewall.chain("bans", "input").expect("a base chain");
    assert!(input.rules.is_none() && input.uses == 10_000);
}

#[tokio::test]
async fn rules_where_nobody_reads_are_unknown() {
    let host = host("iptables-legacy -N DOCKER && iptables-legacy -t nat -N DOCKER");
    let firewall = read(&host).await;
    assert!(firewall.legacy && firewall.own() == Own::Unknown);
}

#[tokio::test]
async fn a_namespace_without_rules_has_none() {
    let firewall = read(&Scratch::new()).await;
    assert_eq!(firewall, Firewall::default());
    assert_eq!(firewall.own(), Own::None);
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = chain(&bytes);
        let _ = rule(&bytes);
    }
}
