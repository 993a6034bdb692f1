use std::path::Path;
use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose as Usage;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion};
use tokio_rustls::TlsConnector;

use super::*;

#[path = "../../../tests/trust/authority.rs"]
mod authority;
#[path = "../../../tests/trust/caller.rs"]
mod caller;
use authority::Authority;

/// What is out of its time.
mod dates;
/// What is taken later, and when.
mod later;

/// A folder with `server.crt`, `server.key` and `ca.crt` of this authority.
fn folder(authority: &Authority) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    authority.issue(&["localhost"]).write(folder.path(), "server");
    fs::write(folder.path().join("ca.crt"), &authority.certificate).expect("written");
    folder
}

/// With these settings more.
fn load(folder: &Path, more: &str) -> Result<Trust, String> {
    let path = folder.join("web.yml");
    let text = format!("tls_server_config: {{cert_file: server.crt, key_file: server.key{more}}}\n");
    fs::write(&path, text).expect("written");
    Trust::load(&path)
}

/// Whether a caller comes in, and with a certificate that was taken; and by what version of TLS.
async fn shake(trust: &Trust, own_machine: bool, caller: ClientConfig) -> Option<(bool, ProtocolVersion)> {
    let (here, there) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("localhost").expect("a name");
    let call = tokio::spawn(async move {
        let stream = TlsConnector::from(Arc::new(caller)).connect(name, there).await;
        // It must not end before the server has looked at what it sent.
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(stream);
    });
    let door = trust.current().await;
    let stream = door.acceptor(own_machine).expect("TLS").accept(here).await;
    call.abort();
    let stream = stream.ok()?;
    let connection = stream.get_ref().1;
    Some((connection.peer_certificates().is_some(), connection.protocol_version()?))
}

#[tokio::test]
async fn every_kind_of_caller_at_every_kind_of_door() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = folder(&authority);
    let papers = [None, Some(stranger.issue(&["x"])), Some(authority.issue(&["x"]))];
    let (out, bare, known) = (None, Some(false), Some(true));
    let ca = ", client_ca_file: ca.crt";
    for (kind, more, expected) in [
        ("NoClientCert", "", [bare, bare, bare]),
        ("RequestClientCert", "", [bare, known, known]),
        ("RequireAnyClientCert", "", [out, known, known]),
        ("RequireClientCert", "", [out, known, known]),
        ("VerifyClientCertIfGiven", ca, [bare, out, known]),
        ("RequireAndVerifyClientCert", ca, [out, out, known]),
    ] {
        let trust = load(folder.path(), &format!(", client_auth_type: {kind}{more}")).expect(kind);
        for (paper, expected) in papers.iter().zip(expected) {
            let came = |own| shake(&trust, own, authority.caller(paper.as_ref()));
            assert_eq!(came(false).await.map(|came| came.0), expected, "{kind}");
            // On the machine itself one without a certificate comes in, to be let no further.
            let own = if paper.is_none() { bare } else { expected };
            assert_eq!(came(true).await.map(|came| came.0), own, "{kind}, own machine");
        }
    }
}

#[tokio::test]
async fn a_certificate_must_bear_one_of_the_names() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let names = "[prometheus.internal, 10.1.2.3, 'spiffe://x/prometheus']";
    let more = format!(
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: {names}"
    );
    let trust = load(folder.path(), &more).expect("good");
    for (names, comes) in [
        (&["prometheus.internal"][..], true),
        (&["other", "prometheus.internal"], true),
        (&["10.1.2.3"], true),
        (&["spiffe://x/prometheus"], true),
        (&["10.1.2.4"], false),
        (&["*.internal"], false),
        (&["spiffe://x/other"], false),
        (&["a.prometheus.internal"], false),
    ] {
        let paper = authority.issue(names);
        let came = shake(&trust, false, authority.caller(Some(&paper))).await;
        assert_eq!(came.is_some(), comes, "{names:?}");
    }
}

/// Whoever has the key of one server must not come in at another.
#[tokio::test]
async fn a_certificate_for_servers_is_none_for_callers() {
    let authority = Authority::new();
    let folder = folder(&authority);
    for kind in ["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] {
        let trust = load(folder.path(), &format!(", client_auth_type: {kind}, client_ca_file: ca.crt"));
        let trust = trust.expect("good");
        for (usages, comes) in [
            (&[Usage::ServerAuth][..], false),
            (&[Usage::ClientAuth], true),
            (&[Usage::ServerAuth, Usage::ClientAuth], true),
            // It says nothing of what it is for (RFC 5280, 4.2.1.12).
            (&[], true),
        ] {
            let paper =
                authority.issue_as(&["localhost"], |params| params.extended_key_usages = usages.to_vec());
            for own_machine in [true, false] {
                let came = shake(&trust, own_machine, authority.caller(Some(&paper))).await;
                assert_eq!(came.map(|came| came.0), comes.then_some(true), "{kind}: {usages:?}");
            }
        }
    }
}

#[tokio::test]
async fn versions_suites_and_curves_are_those_that_were_asked_for() {
    use ProtocolVersion::{TLSv1_2, TLSv1_3};
    let authority = Authority::new();
    let folder = folder(&authority);
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    for (more, version) in [
        (String::new(), TLSv1_3),
        (", max_version: TLS12".into(), TLSv1_2),
        (", min_version: TLS13".into(), TLSv1_3),
        (format!(", max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256, {suite}]"), TLSv1_2),
        (", curve_preferences: [CurveP384]".into(), TLSv1_3),
    ] {
        let trust = load(folder.path(), &more).expect(&more);
        let came = shake(&trust, false, authority.caller(None)).await;
        assert_eq!(came.map(|came| came.1), Some(version), "{more}");
    }
    // What is not asked for is not there.
    let p256 = || {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.kx_groups = vec![rustls::crypto::ring::kx_group::SECP256R1];
        let versions =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
        let mut roots = rustls::RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).expect("a certificate");
        roots.add(own).expect("a root");
        versions.expect("versions").with_root_certificates(roots).with_no_client_auth()
    };
    let trust = load(folder.path(), ", curve_preferences: [CurveP384]").expect("good");
    assert!(shake(&trust, false, p256()).await.is_none());
    let trust = load(folder.path(), ", curve_preferences: [CurveP256]").expect("good");
    assert!(shake(&trust, false, p256()).await.is_some());
    let told = load(folder.path(), ", max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]")
        .expect_err("none");
    assert!(told.contains("do not go together"), "{told}");
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = |name: &str| folder.path().join(name);
    let other = authority.issue(&["localhost"]);
    fs::write(at("other.key"), &other.key).expect("written");
    fs::write(at("empty"), "").expect("written");
    fs::write(at("rubbish"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(at("locked.key"), locked).expect("written");
    fs::write(at("large"), "#".repeat((1 << 20) + 1)).expect("written");
    for (certificate, key, expected) in [
        (
            "none.crt",
            "server.key",
            "line 2, column 14: tls_server_config.cert_file: FOLDER/none.crt cannot be read: ",
        ),
        (
            "server.crt",
            "none.key",
            "line 3, column 13: tls_server_config.key_file: FOLDER/none.key cannot be read: ",
        ),
        ("server.crt", "other.key", "key_file: FOLDER/other.key does not fit the certificate"),
        ("server.crt", "empty", "key_file: FOLDER/empty holds no private key in PEM"),
        ("server.crt", "locked.key", "locked.key holds a key that is encrypted"),
        ("empty", "server.key", "cert_file: FOLDER/empty holds no certificate in PEM"),
        ("server.key", "server.key", "cert_file: FOLDER/server.key holds no certificate in PEM"),
        ("rubbish", "server.key", "cert_file: FOLDER/rubbish holds no certificate that can be read"),
        (".", "server.key", "cannot be read: it is a folder; expected a regular file"),
        ("/dev/zero", "server.key", "cannot be read: it is a device; expected a regular file"),
        ("large", "server.key", "expected at most 1 MiB"),
    ] {
        let path = at("web.yml");
        let text = format!("tls_server_config:\n  cert_file: {certificate}\n  key_file: {key}\n");
        fs::write(&path, text).expect("written");
        let told = Trust::load(&path).expect_err(expected);
        let expected = expected.replace("FOLDER", &folder.path().display().to_string());
        assert!(told.contains(&expected) && told.starts_with(&path.display().to_string()), "{told}");
    }
    let missing = Trust::load(&at("nowhere.yml")).expect_err("missing");
    assert!(missing.contains("cannot be read"), "{missing}");
}
