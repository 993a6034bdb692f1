//! Containers by hand: each label and each way of linking that the reader knows, and what people get wrong.

/// A container: its name, the networks, the ports that it exposes, its labels.
pub struct Sample {
    pub name: String,
    pub networks: Vec<&'static str>,
    pub exposed: Vec<u16>,
    pub labels: Vec<(String, String)>,
}

type Row = (&'static str, &'static [&'static str], &'static [u16], &'static str);

pub fn all() -> Vec<Sample> {
    ROWS.iter()
        .map(|(name, networks, exposed, labels)| Sample {
            name: (*name).to_owned(),
            networks: networks.to_vec(),
            exposed: exposed.to_vec(),
            labels: labels
                .lines()
                .map(str::trim_start)
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
        .collect()
}

const ROWS: &[Row] = &[
    // What links a router and a service.
    ("nothing-said", &["one"], &[80], ""),
    ("switched-off", &["one"], &[80], "traefik.enable=false\ntraefik.http.routers.off.rule=Host(`off.test`)"),
    ("enabled_alone", &["one"], &[9000, 8080], "traefik.enable=true"),
    (
        "composed-1",
        &["one"],
        &[80],
        "traefik.enable=true\ncom.docker.compose.project=my_shop\ncom.docker.compose.service=web.app",
    ),
    ("rule-alone", &["one"], &[7000], "traefik.enable=1\ntraefik.http.routers.rule-alone.rule=Host(`rule-alone.test`)"),
    ("service-alone", &["one"], &[], "traefik.enable=true\ntraefik.http.services.lonely.loadbalancer.server.port=81"),
    (
        "middleware-alone",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.middlewares.shared.basicauth.users=a:$apr1$x$y",
    ),
    (
        "one-of-one",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.one-of-one.rule=Host(`one-of-one.test`)
        traefik.http.services.only.loadbalancer.server.port=3000",
    ),
    (
        "two-services",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.lost.rule=Host(`lost.test`)
        traefik.http.routers.found.rule=Host(`found.test`)\ntraefik.http.routers.found.service=second@docker
        traefik.http.services.first.loadbalancer.server.port=3001
        traefik.http.services.second.loadbalancer.server.port=3002",
    ),
    (
        "two-services-alone",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.services.third.loadbalancer.server.port=3001
        traefik.http.services.fourth.loadbalancer.server.port=3002",
    ),
    (
        "elsewhere",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.to-other.rule=Host(`to-other.test`)
        traefik.http.routers.to-other.service=only\ntraefik.http.routers.to-api.rule=Host(`to-api.test`)
        traefik.http.routers.to-api.service=api@internal\ntraefik.http.routers.to-none.rule=Host(`to-none.test`)
        traefik.http.routers.to-none.service=gone\ntraefik.http.routers.to-file.rule=Host(`to-file.test`)
        traefik.http.routers.to-file.service=x@file\ntraefik.http.services.here.loadbalancer.server.port=1",
    ),
    (
        "by-url",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.by-url.rule=Host(`by-url.test`)
        traefik.http.services.by-url.loadbalancer.server.url=http://127.0.0.1:1",
    ),
    (
        "by-url-and-port",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.torn.rule=Host(`torn.test`)
        traefik.http.services.torn.loadbalancer.server.url=http://127.0.0.1:1
        traefik.http.services.torn.loadbalancer.server.port=80",
    ),
    (
        "no-port-aside",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.aside.rule=Host(`aside.test`)\ntraefik.http.routers.aside.service=aside
        traefik.http.services.aside.loadbalancer.server.port=80\ntraefik.http.services.idle.loadbalancer.server.scheme=http",
    ),
    ("no-port", &["one"], &[], "traefik.enable=true\ntraefik.http.routers.no-port.rule=Host(`no-port.test`)"),
    (
        "ports",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.p0.rule=Host(`p0.test`)\ntraefik.http.routers.p0.service=p0
        traefik.http.services.p0.loadbalancer.server.port=0\ntraefik.http.routers.p1.rule=Host(`p1.test`)
        traefik.http.routers.p1.service=p1\ntraefik.http.services.p1.loadbalancer.server.port=70000
        traefik.http.routers.p2.rule=Host(`p2.test`)\ntraefik.http.routers.p2.service=p2
        traefik.http.services.p2.loadbalancer.server.port=http\ntraefik.http.routers.p3.rule=Host(`p3.test`)
        traefik.http.routers.p3.service=p3\ntraefik.http.services.p3.loadbalancer.server.port=8080/tcp
        traefik.http.routers.p4.rule=Host(`p4.test`)\ntraefik.http.routers.p4.service=p4
        traefik.http.services.p4.loadbalancer.server.port=0080
        traefik.http.routers.p5.rule=Host(`p5.test`)\ntraefik.http.routers.p5.service=p5
        traefik.http.services.p5.loadbalancer.server.port=80 80",
    ),
    (
        "schemes",
        &["one"],
        &[443, 80],
        "traefik.enable=true\ntraefik.http.routers.s0.rule=Host(`s0.test`)\ntraefik.http.routers.s0.service=s0
        traefik.http.services.s0.loadbalancer.server.scheme=https\ntraefik.http.routers.s1.rule=Host(`s1.test`)
        traefik.http.routers.s1.service=s1\ntraefik.http.services.s1.loadbalancer.server.scheme=h2c
        traefik.http.services.s1.loadbalancer.server.port=99",
    ),
    // Networks.
    (
        "on-two-named",
        &["one", "two"],
        &[80],
        "traefik.enable=true\ntraefik.docker.network=two\ntraefik.http.routers.named.rule=Host(`named.test`)",
    ),
    (
        "on-three",
        &["one", "two", "three"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.on-three.rule=Host(`on-three.test`)",
    ),
    (
        "on-another",
        &["one", "three"],
        &[80],
        "traefik.enable=true\ntraefik.docker.network=nowhere\ntraefik.http.routers.another.rule=Host(`another.test`)",
    ),
    (
        "on-unnamed",
        &["two"],
        &[80],
        "traefik.enable=true\ntraefik.docker.network=\ntraefik.http.routers.unnamed.rule=Host(`unnamed.test`)",
    ),
    (
        "of-swarm",
        &["three"],
        &[80],
        "traefik.enable=true\ntraefik.swarm.network=two\ntraefik.swarm.nonsense=x
        traefik.http.routers.of-swarm.rule=Host(`of-swarm.test`)",
    ),
    (
        "on-host",
        &["host"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.on-host.rule=Host(`on-host.test`)
        traefik.http.services.on-host.loadbalancer.server.port=65000",
    ),
    (
        "in-another",
        &["container:on-two-named"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.in-another.rule=Host(`in-another.test`)
        traefik.http.services.in-another.loadbalancer.server.port=82",
    ),
    ("on-none", &["none"], &[80], "traefik.enable=true\ntraefik.http.routers.on-none.rule=Host(`on-none.test`)"),
    // Case and emptiness.
    (
        "any-case",
        &["one"],
        &[80],
        "traefik.Enable=true\ntraefik.HTTP.Routers.AnyCase.Rule=Host(`first.test`)
        traefik.http.routers.anycase.rule=Host(`Any-Case.TEST`)\ntraefik.http.routers.anycase.EntryPoints= web , alt
        traefik.http.routers.anycase.tls=false",
    ),
    ("root-case", &["one"], &[80], "Traefik.enable=true\ntraefik.http.routers.rc.rule=Host(`rc.test`)"),
    ("root-case-2", &["one"], &[80], "traefik.enable=true\nTRAEFIK.http.routers.rc2.rule=Host(`rc2.test`)"),
    (
        "empties",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.empties.rule=\ntraefik.http.routers.empties.service=
        traefik.http.routers.empties.entrypoints=\ntraefik.http.routers.empties.middlewares=
        traefik.http.services.empties.loadbalancer.server.port=",
    ),
    ("valued", &["one"], &[80], "traefik.enable=true\ntraefik.http.routers.valued=x"),
    (
        "brackets",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.br.rule=Host(`br.test`)
        traefik.http.routers.br.entrypoints[0]=alt\ntraefik.http.routers.br.tls.domains[0].main=br.test
        traefik.http.routers.br.tls.domains[0].sans=a.test,b.test",
    ),
    // One label that cannot be read.
    ("bad-enable", &["one"], &[80], "traefik.enable=yes\ntraefik.http.routers.b0.rule=Host(`b0.test`)"),
    ("bad-enabled", &["one"], &[80], "traefik.enable=true\ntraefik.enabled=true\ntraefik.http.routers.b1.rule=Host(`b1.test`)"),
    (
        "bad-field",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b2.rule=Host(`b2.test`)\ntraefik.http.routers.b2x.ruel=x",
    ),
    (
        "bad-deep-field",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b3.rule=Host(`b3.test`)
        traefik.http.middlewares.b3.headers.stsSecond=1",
    ),
    (
        "bad-number",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b4.rule=Host(`b4.test`)\ntraefik.http.routers.b4.priority=high",
    ),
    (
        "bad-duration",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b5.rule=Host(`b5.test`)
        traefik.http.services.b5.loadbalancer.healthcheck.interval=1d",
    ),
    (
        "bad-dots",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b6.rule=Host(`b6.test`)\ntraefik.http.routers..tls=true",
    ),
    (
        "bad-standalone",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b7.rule=Host(`b7.test`)\ntraefik.http.services.b7.loadbalancer=80",
    ),
    (
        "bad-server",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b8.rule=Host(`b8.test`)
        traefik.http.services.b8.loadbalancer.server=80",
    ),
    (
        "bad-service",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b9.rule=Host(`b9.test`)
        traefik.http.services.b9.weighted.services[0].name=x",
    ),
    ("bad-docker", &["one"], &[80], "traefik.enable=true\ntraefik.docker.networks=x\ntraefik.http.routers.b10.rule=Host(`b10.test`)"),
    ("bad-http", &["one"], &[80], "traefik.enable=true\ntraefik.httpx=1\ntraefik.http.routers.b11.rule=Host(`b11.test`)"),
    (
        "bad-leaf",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b12.rule=Host(`b12.test`)\ntraefik.http.routers.b12.rule.x=1",
    ),
    (
        "bad-bracket",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.b13.rule=Host(`b13.test`)\ntraefik.http.routers.[0].tls=true",
    ),
    // Labels of others, of old and of everything at once, that are none of its faults.
    (
        "harmless",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.frontend.rule=Host:old.test\ntraefik.port=80\ntraefik.docker=x
        traefik.http.routers.harmless.rule=Host(`harmless.test`)\ntraefik.http.routers.harmless.parentrefs=
        traefik.http.routers.harmless.observability.accesslogs=true
        traefik.http.middlewares.h1.headers.customrequestheaders.X-A.B=1
        traefik.http.middlewares.h2.errors.statusrewrites.404=200
        traefik.http.middlewares.h3.compress=false\ntraefik.http.middlewares.h3.compress.minresponsebodybytes=x
        traefik.http.services.harmless.loadbalancer.sticky.cookie=true
        traefik.http.services.harmless.loadbalancer.passhostheader=false
        traefik.http.services.harmless.loadbalancer.responseforwarding.flushinterval=100ms",
    ),
    (
        "every-middleware",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.every.rule=Host(`every.test`)
        traefik.http.middlewares.e1.addprefix.prefix=/x\ntraefik.http.middlewares.e2.buffering.maxrequestbodybytes=1
        traefik.http.middlewares.e3.circuitbreaker.expression=LatencyAtQuantileMS(50.0) > 100
        traefik.http.middlewares.e4.contenttype.autodetect=true\ntraefik.http.middlewares.e5.digestauth.users=a:b:c
        traefik.http.middlewares.e6.inflightreq.amount=1\ntraefik.http.middlewares.e6.inflightreq.sourcecriterion.ipstrategy.depth=1
        traefik.http.middlewares.e7.passtlsclientcert.info.subject.organizationalunit=true
        traefik.http.middlewares.e8.ratelimit.average=1\ntraefik.http.middlewares.e8.ratelimit.period=1m30s
        traefik.http.middlewares.e9.replacepathregex.regex=a\ntraefik.http.middlewares.e10.retry.attempts=2
        traefik.http.middlewares.e10.retry.initialinterval=100ms\ntraefik.http.middlewares.e11.stripprefixregex.regex=a
        traefik.http.middlewares.e12.headers.sslredirect=true\ntraefik.http.middlewares.e12.headers.stsseconds=1
        traefik.http.middlewares.e13.forwardauth.address=http://127.0.0.1:1
        traefik.http.middlewares.e13.forwardauth.tls.insecureskipverify=true
        traefik.http.middlewares.e14.grpcweb.alloworigins=*\ntraefik.http.middlewares.e15.ipwhitelist.sourcerange=10.0.0.0/8",
    ),
    ("tcp-alone", &["one"], &[80], "traefik.enable=true\ntraefik.tcp.routers.t.rule=HostSNI(`*`)\ntraefik.tcp.routers.t.entrypoints=secure"),
    (
        "tcp-too",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.udp.services.u.loadbalancer.server.port=53
        traefik.http.routers.tcp-too.rule=Host(`tcp-too.test`)",
    ),
    // Entry points, TLS, priorities.
    (
        "doors",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.d0.rule=Host(`d0.test`)\ntraefik.http.routers.d0.entrypoints=alt
        traefik.http.routers.d1.rule=Host(`d1.test`)\ntraefik.http.routers.d1.entrypoints=web,gone
        traefik.http.routers.d2.rule=Host(`d2.test`)\ntraefik.http.routers.d2.entrypoints=Web
        traefik.http.routers.d3.rule=Host(`d3.test`)\ntraefik.http.routers.d3.entrypoints= 
        traefik.http.routers.d4.rule=Host(`d4.test`)\ntraefik.http.routers.d4.entrypoints=secure,web
        traefik.http.routers.d5.rule=Host(`d5.test`)\ntraefik.http.routers.d5.entrypoints=secure",
    ),
    (
        "tls",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.t0.rule=Host(`t0.test`)\ntraefik.http.routers.t0.tls=true
        traefik.http.routers.t1.rule=Host(`t1.test`)\ntraefik.http.routers.t1.tls=
        traefik.http.routers.t2.rule=Host(`t2.test`)\ntraefik.http.routers.t2.tls=false
        traefik.http.routers.t2.tls.certresolver=x\ntraefik.http.routers.t3.rule=Host(`t3.test`)
        traefik.http.routers.t3.tls=yes\ntraefik.http.routers.t4.rule=Host(`t4.test`)
        traefik.http.routers.t4.tls.certresolver=x",
    ),
    (
        "priorities",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.q0.rule=Host(`q0.test`)\ntraefik.http.routers.q0.priority=0
        traefik.http.routers.q1.rule=Host(`q1.test`)\ntraefik.http.routers.q1.priority=-7
        traefik.http.routers.q2.rule=Host(`q2.test`)\ntraefik.http.routers.q2.priority=+42",
    ),
    // Middlewares.
    (
        "middlewares",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.middlewares.to-tls.redirectscheme.scheme=https
        traefik.http.middlewares.www.redirectregex.regex=^http://m1.test/(.*)
        traefik.http.middlewares.www.redirectregex.replacement=http://www.m1.test/$1
        traefik.http.middlewares.login.basicauth.users=a:$apr1$x$y
        traefik.http.middlewares.lan.ipallowlist.sourcerange=203.0.113.0/24
        traefik.http.middlewares.cut.stripprefix.prefixes=/api, /v1
        traefik.http.middlewares.all.chain.middlewares=cut,login@docker
        traefik.http.middlewares.loop.chain.middlewares=cut,loop\ntraefik.http.middlewares.none.compress=false
        traefik.http.middlewares.both.compress=true\ntraefik.http.middlewares.both.addprefix.prefix=/
        traefik.http.middlewares.lost.redirectscheme.permanent=true
        traefik.http.routers.m0.rule=Host(`m0.test`)\ntraefik.http.routers.m0.middlewares=to-tls
        traefik.http.routers.m1.rule=Host(`m1.test`)\ntraefik.http.routers.m1.middlewares=www
        traefik.http.routers.m2.rule=Host(`m2.test`)\ntraefik.http.routers.m2.middlewares=login
        traefik.http.routers.m3.rule=Host(`m3.test`)\ntraefik.http.routers.m3.middlewares=lan
        traefik.http.routers.m4.rule=Host(`m4.test`)\ntraefik.http.routers.m4.middlewares=cut
        traefik.http.routers.m5.rule=Host(`m5.test`)\ntraefik.http.routers.m5.middlewares=all
        traefik.http.routers.m6.rule=Host(`m6.test`)\ntraefik.http.routers.m6.middlewares=loop
        traefik.http.routers.m7.rule=Host(`m7.test`)\ntraefik.http.routers.m7.middlewares=none
        traefik.http.routers.m8.rule=Host(`m8.test`)\ntraefik.http.routers.m8.middlewares=both
        traefik.http.routers.m9.rule=Host(`m9.test`)\ntraefik.http.routers.m9.middlewares=lost
        traefik.http.routers.m10.rule=Host(`m10.test`)\ntraefik.http.routers.m10.middlewares=Login
        traefik.http.routers.m11.rule=Host(`m11.test`)\ntraefik.http.routers.m11.middlewares=shared
        traefik.http.routers.m12.rule=Host(`m12.test`)\ntraefik.http.routers.m12.middlewares=x@file",
    ),
    // Names that two containers have.
    (
        "replica-1",
        &["one"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.replica.rule=Host(`replica.test`)
        traefik.http.services.replica.loadbalancer.server.port=5000",
    ),
    (
        "replica-2",
        &["two"],
        &[],
        "traefik.enable=true\ntraefik.http.routers.replica.rule=Host(`replica.test`)
        traefik.http.routers.replica.service=replica\ntraefik.http.routers.replica.tls=false
        traefik.http.routers.replica.priority=00\ntraefik.http.services.replica.loadbalancer.server.port=5001",
    ),
    (
        "rival-1",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.rival.rule=Host(`rival.test`)
        traefik.http.services.rival.loadbalancer.server.port=80",
    ),
    (
        "rival-2",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.rival.rule=Host(`rival.test`)\ntraefik.http.routers.rival.priority=9
        traefik.http.services.rival.loadbalancer.server.port=80",
    ),
    // Rules.
    (
        "rules-taken",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.r0.rule=Host(`r0.test`) || Host(`r0b.test`) && Path(`/x`)
        traefik.http.routers.r1.rule=(host(\"r1.test\")||HOST(`r1b.test`))&&!(PathPrefix(`/no`)||Method(`PUT`))
        traefik.http.routers.r2.rule=Host(`r2.test`, `r2b.test`) && PathPrefix(`/a`,`/b`)
        traefik.http.routers.r2.rulesyntax=v2\ntraefik.http.routers.r3.rule=HostHeader(`r3.test`) && Headers(`X`, `1`)
        traefik.http.routers.r3.rulesyntax=v2\ntraefik.http.routers.r4.rule=Host(`R4.Test.`,)
        traefik.http.routers.r5.rule=Host(`*.r5.test`)\ntraefik.http.routers.r6.rule=HostRegexp(`^r6[.]test$`)
        traefik.http.routers.r7.rule=Host(`https://r7.test`)\ntraefik.http.routers.r8.rule=Host(`r8.test`) && Host(`r8b.test`)
        traefik.http.routers.r9.rule=Host(\"r9\\x2etest\") /* nine */ && (((PathPrefix(`/`)))) // nine",
    ),
    (
        "rules-refused",
        &["one"],
        &[80],
        "traefik.enable=true\ntraefik.http.routers.x0.rule=Host(``)\ntraefik.http.routers.x1.rule=Host(`a`,`b`)
        traefik.http.routers.x2.rule=Host(`x2.test`\ntraefik.http.routers.x3.rule=Hosts(`x3.test`)
        traefik.http.routers.x4.rule=Host('x4.test')\ntraefik.http.routers.x5.rule=Host(`x5.test`) && 
        traefik.http.routers.x6.rule=Host(`bücher.test`)\ntraefik.http.routers.x7.rule=Host(`x7.test`) && PathPrefix(`x`)
        traefik.http.routers.x8.rule=HostHeader(`x8.test`)\ntraefik.http.routers.x9.rule=Header(`X`, `1`)
        traefik.http.routers.x9.rulesyntax=v2\ntraefik.http.routers.x10.rule=Headers(`X`)
        traefik.http.routers.x10.rulesyntax=v2\ntraefik.http.routers.x11.rule=Query(`a`)
        traefik.http.routers.x11.rulesyntax=v2\ntraefik.http.routers.x12.rule=ClientIP(`10.0.0`)
        traefik.http.routers.x13.rule= \ntraefik.http.routers.x14.rule=x14.test
        traefik.http.routers.x15.rule=Host(`a`, `b`)\ntraefik.http.routers.x15.rulesyntax=V2",
    ),
];
