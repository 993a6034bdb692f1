use super::*;

const HASH: &str = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";

fn told(text: &str) -> Vec<String> {
    match load(text, Path::new("/etc")) {
        Ok(web) => vec![format!("taken: {web:?}")],
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_whole_file_is_read() {
    let text = format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: /keys/server.key\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  min_version: TLS13\n  \
         cipher_suites: [TLS_AES_128_GCM_SHA256]\n  curve_preferences: [CurveP256, X25519]\n  \
         client_allowed_sans: [prometheus.internal]\n\
         http_server_config:\n  http2: true\n  headers:\n    Strict-Transport-Security: max-age=1\n    \
         X-Frame-Options: sameorigin\n    Content-Security-Policy: ''\n\
         basic_auth_users:\n  alice: {HASH}\n  'no': {HASH}\nrate_limit: {{interval: 1s, burst: 20}}\n"
    );
    let web = load(&text, Path::new("/etc")).unwrap();
    let tls = web.tls.as_ref().unwrap();
    assert_eq!(
        web.files().collect::<Vec<_>>(),
        [Path::new("/etc/server.crt"), Path::new("/keys/server.key"), Path::new("/etc/ca.crt")]
    );
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerifyClientCert);
    assert_eq!((tls.min_version, tls.max_version), (Version::Tls13, Version::Tls13));
    assert_eq!(tls.curve_preferences.as_deref(), Some(&["CurveP256", "X25519"][..]));
    assert_eq!(web.headers.len(), 3);
    assert_eq!(web.users, [("alice".into(), Secret(HASH.into())), ("no".into(), Secret(HASH.into()))]);
    assert_eq!(web.rate_limit, Some(RateLimit { interval: Duration::from_secs(1), burst: 20 }));
    assert!(!format!("{web:?}").contains(HASH));
}

#[test]
fn nothing_said_is_nothing_asked() {
    for text in
        ["", "# nothing\n", "tls_server_config: {}\nbasic_auth_users:\n", "rate_limit: {interval: 0s}"]
    {
        assert_eq!(load(text, Path::new("/")), Ok(Web::default()), "{text}");
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let pair = "cert_file: a, key_file: b";
    let table = [
        (
            "tls_config: {}",
            "line 1, column 1: unknown setting \"tls_config\"; expected one of tls_server_config",
        ),
        (
            "tls_server_config:\n  cert_fiel: x\n",
            "line 2, column 3: tls_server_config: unknown setting \"cert_fiel\"; did you mean `cert_file`?",
        ),
        ("tls_server_config: x", "expected settings (cert, key, client_ca, cert_file"),
        ("tls_server_config: {cert_file: a}", "expected `key_file`, which is missing"),
        ("tls_server_config: {min_version: TLS13}", "expected `cert_file`, which is missing"),
        ("tls_server_config: {cert_file: 1, key_file: b}", "cert_file: expected a file's path, found 1"),
        ("tls_server_config: {cert: a, cert_file: b, key_file: b}", "expected it or its file, found both"),
        (
            "tls_server_config: {PAIR, client_auth_type: Yes}",
            "client_auth_type: expected one of NoClientCert, RequestClientCert, RequireAnyClientCert, \
             VerifyClientCertIfGiven, RequireAndVerifyClientCert, found \"Yes\"",
        ),
        (
            "tls_server_config: {PAIR, client_auth_type: RequireAndVerifyClientCert}",
            "client_auth_type: expected `client_ca_file` beside it",
        ),
        ("tls_server_config: {PAIR, client_ca_file: c}", "client_ca_file: expected `client_auth_type`"),
        ("tls_server_config: {PAIR, client_allowed_sans: [a]}", "client_allowed_sans: expected `client_auth"),
        (
            "tls_server_config: {PAIR, min_version: TLS10}",
            "min_version: expected TLS12 or TLS13, found TLS10",
        ),
        ("tls_server_config: {PAIR, min_version: TLS13, max_version: TLS12}", "no higher than `max_version`"),
        (
            "tls_server_config: {PAIR, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}",
            "cipher_suites[0]: expected one of the cipher suites that there are here (TLS_AES_128",
        ),
        (
            "tls_server_config: {PAIR, curve_preferences: [CurveP521]}",
            "curve_preferences[0]: expected one of the curves that there are here (X25519, CurveP256, CurveP384)",
        ),
        ("http_server_config: {http2: maybe}", "http2: expected true or false, found \"maybe\""),
        ("http_server_config: {headers: {Server: x}}", "headers: unknown setting \"Server\""),
        ("http_server_config: {headers: {X-Frame-Options: ALLOW}}", "expected deny or sameorigin, found"),
        ("http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb: c\"}}", "signs of ASCII on one line"),
        ("basic_auth_users: {\"ann\u{feff}a\": x}", "basic_auth_users.ann\\u{feff}a: expected a bcrypt hash"),
        ("basic_auth_users: {'a:b': x}", "bytes without a colon, and behind a colon and a space"),
        ("basic_auth_users: [a]", "expected users"),
        ("rate_limit: {interval: 1s}", "expected `burst` of 1 or more"),
        ("rate_limit: {interval: 1}", "without a unit"),
        ("basic_auth_users: {a: x", "not readable as YAML"),
    ];
    for (text, expected) in table {
        let told = told(&text.replace("PAIR", pair)).join("\n");
        assert!(
            told.contains(expected) && told.starts_with("line 1") | told.starts_with("line 2"),
            "{text}: {told}"
        );
    }
}

#[test]
fn the_highest_cost_is_taken() {
    let text = format!("basic_auth_users:\n  alice: {}\n", HASH.replace("$10$", "$14$"));
    assert_eq!(load(&text, Path::new("/")).map(|web| web.users.len()), Ok(1));
}

#[test]
fn a_key_where_its_file_was_expected_is_refused_and_never_repeated() {
    let long = "c2VjcmV0".repeat(600);
    for key in [
        "|\n    -----BEGIN PRIVATE KEY-----\n    c2VjcmV0\n    -----END PRIVATE KEY-----\n",
        ">\n    -----BEGIN PRIVATE KEY-----\n    c2VjcmV0\n    -----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY----- c2VjcmV0",
        "\"c2VjcmV0\\nc2VjcmV0\"",
        &long,
    ] {
        for setting in ["cert_file", "key_file", "client_ca_file"] {
            let told = told(&format!("tls_server_config:\n  {setting}: {key}\n")).concat();
            let expected = format!("tls_server_config.{setting}: expected a file's path, found another text");
            assert!(told.contains(&expected) && !told.contains("c2VjcmV0"), "{key}: {told}");
        }
    }
}

#[test]
fn what_cannot_be_read_at_all_is_never_repeated() {
    for text in [
        "basic_auth_users: {alice:hunter2}",
        "basic_auth_users:\n  alice:hunter2:\n",
        "basic_auth_users:\n  alice:hunter2\n",
        "basic_auth_users:\n  alice: x\n  bob:hunter2\n",
        "basic_auth_users: {alice: hunter2",
        "basic_auth_users:\n  alice: \"hunter2\n",
        "basic_auth_users:\nalice:hunter2\n",
        "basic_auth_users:\n  alice: hunter2\n  alice: hunter2\n",
        "basic_auth_users:\n  alice: *hunter2\n",
        "basic_auth_users:\n  alice: !hunter2 x\n",
        "basic_auth_users:\n  alice: @hunter2\n",
        "tls_server_config:\n  key_file: |\n-----BEGIN PRIVATE KEY-----\nhunter2\n",
        "tls_server_config:\n  key: \"-----BEGIN PRIVATE KEY-----\\hunter2\"\n",
    ] {
        let told = told(text).concat();
        assert!(!told.contains("hunter2") && !told.starts_with("taken"), "{text}: {told}");
    }
}

#[test]
fn a_password_in_the_clear_is_refused_and_never_repeated() {
    let short = &HASH[..50];
    let costly = HASH.replace("$10$", "$31$");
    for (hash, expected) in [
        ("geheim", "a password in the clear?"),
        ("1234567", "found something else"),
        ("[geheim]", "found something else"),
        (short, "found one that is not whole"),
        (&costly, "of a cost from 4 to 14, found 31"),
        (&HASH.replace("$10$", "$15$"), "of a cost from 4 to 14, found 15"),
    ] {
        let told = told(&format!("basic_auth_users:\n  alice: {hash}\n")).concat();
        assert!(told.starts_with("line 2, column 10: basic_auth_users.alice: expected"), "{told}");
        assert!(told.contains(expected) && !told.contains("geheim") && !told.contains("1234567"), "{told}");
    }
}
