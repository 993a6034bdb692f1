//! Certificates and keys in PEM: one text is the certificate, its key, and who may have signed.
#![no_main]

use destination_exporter::config::web::{ClientAuth, Pem, Secret, Source, Tls, Version, Web};
use destination_exporter::web::fuzzing::door;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let pem = |setting| Pem { setting, at: Some((1, 1)), source: Source::Inline(Secret(text.to_owned())) };
    let tls = Tls {
        certificate: pem("tls_server_config.cert"),
        key: pem("tls_server_config.key"),
        client_auth: ClientAuth::RequireAndVerifyClientCert,
        client_ca: Some(pem("tls_server_config.client_ca")),
        client_allowed_sans: vec!["example.com".into()],
        min_version: Version::Tls12,
        max_version: Version::Tls13,
        cipher_suites: None,
        prefer_server_cipher_suites: true,
        curve_preferences: None,
    };
    if let Err(problem) = door(&Web { tls: Some(tls), ..Web::default() }) {
        // What stands there may be a key: nothing of it is told.
        let told = problem.to_string();
        assert!(told.len() < 400, "{told}");
        let secrets = text.lines().filter(|line| line.len() >= 24 && !line.contains(' '));
        for line in secrets {
            assert!(!told.contains(line), "{told}");
        }
    }
});
