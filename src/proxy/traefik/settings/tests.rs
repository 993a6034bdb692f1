use super::*;

fn of(args: &str) -> Settings {
    Settings::of(&args.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &[])
}

/// `name:port`, with what it is behind it.
fn doors(settings: &Settings) -> Vec<String> {
    let port = |port: Option<u16>| port.map_or("?".to_owned(), |port| port.to_string());
    let door = |entry: &EntryPoint| {
        let mut words = format!("{}:{}", entry.name, port(entry.port));
        for (is, word) in [(entry.default, " default"), (entry.tls, " tls"), (entry.udp, " udp")] {
            words += if is { word } else { "" };
        }
        if let Some(to) = &entry.redirection {
            words += &format!(" to {} {} {}", to.scheme, to.to, port(to.port));
        }
        words
    };
    settings.entry_points.iter().map(door).collect()
}

#[test]
fn entry_points_are_what_flags_say() {
    for (args, expected) in [
        ("", vec!["http:80 default"]),
        ("traefik --providers.docker", vec!["http:80 default"]),
        (
            "/entrypoint.sh traefik --EntryPoints.Web.Address=:80 --entrypoints.websecure.address=:443",
            vec!["Web:80 default", "websecure:443 default"],
        ),
        (
            "--entrypoints.web.address=:80 --entrypoints.web.http.redirections.entrypoint.to=websecure \
             --entrypoints.websecure.address=0.0.0.0:8443/tcp --entrypoints.websecure.http.tls",
            vec!["web:80 default to https websecure 8443", "websecure:8443 default tls"],
        ),
        (
            "-entryPoints.web.address=[::]:80 --entrypoints.web.http.redirections.entryPoint.to=:443 \
             --entrypoints.web.http.redirections.entryPoint.scheme=http --entrypoints.dns.address=:53/udp \
             --entrypoints.lan.address=:81 --entrypoints.lan.asDefault",
            vec!["dns:53 udp", "lan:81 default", "web:80 to http :443 443"],
        ),
        ("--api.insecure", vec!["http:80 default", "traefik:8080"]),
        ("--ping --ping.manualrouting", vec!["http:80 default"]),
        ("--ping", vec!["http:80 default", "traefik:8080"]),
        ("--ping=true --ping.entrypoint=http --entrypoints.http.address=:80", vec!["http:80 default"]),
        ("--entrypoints.web.address :80 --entrypoints.lan.address=:81", vec!["web:? default"]),
        ("--ping.entrypoint web --entrypoints.web.address=:80", vec!["web:80 default"]),
        ("--metrics.prometheus.entrypoint=m --entrypoints.m", vec!["m:? default"]),
        ("--metrics.prometheus=true --entrypoints.web.address=:80", vec!["traefik:8080", "web:80 default"]),
        ("--entrypoints.traefik.address=:9000 --api.insecure=true", vec!["traefik:9000"]),
        ("--entrypoints.w.http.tls=false --entrypoints.w.http.tls.certresolver=x", vec!["w:? default"]),
        ("--entrypoints.w.http.redirections.entrypoint.to=gone", vec!["w:? default to https gone ?"]),
    ] {
        assert_eq!(doors(&of(args)), expected, "{args}");
    }
}

#[test]
fn routers_are_on_the_entry_points_that_they_name() {
    let settings = of("--entrypoints.a.address=:1 --entrypoints.b.address=:2 --entrypoints.b.asdefault=true");
    for (names, expected) in
        [(vec![], vec!["b"]), (vec!["a", "c"], vec!["a"]), (vec!["b", "a"], vec!["a", "b"])]
    {
        let names: Vec<Arc<str>> = names.into_iter().map(Arc::from).collect();
        let seen: Vec<&str> = settings.of_names(&names).map(|entry| &*entry.name).collect();
        assert_eq!(seen, expected, "{names:?}");
    }
}

#[test]
fn providers_are_what_flags_say() {
    let plain = Provider {
        exposed_by_default: true,
        network: None,
        constraints: None,
        default_rule: None,
        use_bind_port_ip: false,
        allow_empty_services: false,
    };
    assert_eq!(of("").docker, None);
    assert_eq!(of("--providers.docker").docker, Some(plain.clone()));
    assert_eq!(of("--providers.docker=false").docker, None);
    let settings = of(
        "--providers.docker --providers.Docker.ExposedByDefault=false --providers.docker.network proxy \
                       --providers.docker.constraints=Label(`a`,`b`) --providers.docker.defaultrule=Host(`{{.Name}}`) \
                       --providers.docker.usebindportip --providers.file.directory=/x --providers.swarm.network=s",
    );
    let expected = Provider {
        exposed_by_default: false,
        network: Some("proxy".into()),
        constraints: Some("Label(`a`,`b`)".into()),
        default_rule: Some("Host(`{{.Name}}`)".into()),
        use_bind_port_ip: true,
        ..plain.clone()
    };
    assert_eq!(settings.docker, Some(expected));
    assert_eq!(settings.swarm, Some(Provider { network: Some("s".into()), ..plain.clone() }));
    assert_eq!(settings.others, [Arc::from("file")]);
    let older = of("--providers.docker.swarmmode=true");
    assert_eq!((older.docker, older.swarm), (None, Some(plain)));
    assert_eq!(of("--core.defaultrulesyntax=v2").syntax, Some(Syntax::V2));
}

#[test]
fn flags_come_before_variables_and_a_file_before_both() {
    let env = [
        ("TRAEFIK_ENTRYPOINTS_LAN_ADDRESS".to_owned(), ":81".to_owned()),
        ("PATH".to_owned(), "/".to_owned()),
    ];
    let read =
        |args: &[&str]| Settings::of(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), &env);
    let by_environment = read(&["traefik"]);
    assert_eq!(
        (by_environment.source.clone(), doors(&by_environment)),
        (Source::Environment, vec!["lan:81 default".into()])
    );
    let by_flags = read(&["traefik", "--providers.docker"]);
    assert_eq!((by_flags.source.clone(), doors(&by_flags)), (Source::Flags, vec!["http:80 default".into()]));
    assert_eq!(read(&["--configFile=/t.yml"]).source, Source::File("/t.yml".into()));
    assert_eq!(read(&["--configfile", "/t.yml"]).source, Source::File("/t.yml".into()));
    assert_eq!(of("").source, Source::Unsaid);
}

#[test]
fn what_is_no_flag_ends_the_flags() {
    // Traefik stops at the first word that is none, and says nothing.
    let settings = of("--api true --entrypoints.web.address=:80");
    assert_eq!(doors(&settings), ["http:80 default"]);
    assert_eq!(settings.oddities, ["no flag: `true`; what follows is not read"]);
    let settings = of(
        "--log.level DEBUG --accesslog --entrypoints.web.address=:80 --entrypoints.web.http.middlewares=a \
                       --entrypoints.web.http.middlewares=b,c --entrypoints.web..x=1 --entrypoints.web.address=:81",
    );
    assert_eq!(doors(&settings), ["web:81 default"]);
    assert_eq!(settings.entry_points[0].middlewares, ["a", "b", "c"].map(Arc::from));
    assert_eq!(settings.oddities, ["`entrypoints.web..x`: a name between two dots is empty"]);
}
