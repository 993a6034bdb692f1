use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion};
use tokio_rustls::TlsConnector;

use super::*;

#[path = "../../../tests/trust/authority.rs"]
mod authority;
// Here there is no connection to ask over.
#[path = "../../../tests/trust/caller.rs"]
#[allow(dead_code)]
mod caller;
use authority::Authority;

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
        (".", "server.key", "cannot be read: "),
        ("/dev/zero", "server.key", "expected at most 1 MiB"),
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

#[tokio::test(start_paused = true)]
async fn what_was_renewed_is_taken_and_what_is_broken_is_not() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let trust = load(folder.path(), "").expect("good");
    let first = trust.current().await;
    let soon = Duration::from_millis(1100);
    // A file that is written over within one tick of the clock has another size: a paper with a longer name.
    authority.issue(&["localhost", "renewed.example"]).write(folder.path(), "server");
    assert!(Arc::ptr_eq(&first, &trust.current().await), "within a second nobody looks");
    tokio::time::advance(soon).await;
    let second = trust.current().await;
    assert!(!Arc::ptr_eq(&first, &second), "renewed");
    // Who came by the old one is asked to leave.
    first.closed().await;

    let stranger = authority.issue(&["localhost", "renewed.example", "again.example"]);
    fs::write(folder.path().join("server.crt"), &stranger.certificate).expect("written");
    for _ in 0..3 {
        tokio::time::advance(soon).await;
        assert!(Arc::ptr_eq(&second, &trust.current().await), "half renewed: the old one stays");
    }
    let told = trust.reload().expect_err("refused");
    assert!(told.contains("does not fit the certificate"), "{told}");
    assert!(Arc::ptr_eq(&second, &trust.current().await));
    fs::remove_file(folder.path().join("server.key")).expect("removed");
    tokio::time::advance(soon).await;
    assert!(Arc::ptr_eq(&second, &trust.current().await));
    fs::write(folder.path().join("server.key"), &stranger.key).expect("written");
    tokio::time::advance(soon).await;
    assert!(!Arc::ptr_eq(&second, &trust.current().await), "whole again");

    // The file itself, too.
    let third = trust.current().await;
    fs::write(folder.path().join("web.yml"), "tls_server_config: {cert_flie: x}").expect("written");
    tokio::time::advance(soon).await;
    assert!(Arc::ptr_eq(&third, &trust.current().await) && trust.speaks_tls());
    fs::write(folder.path().join("web.yml"), "# nothing more\n").expect("written");
    tokio::time::advance(soon).await;
    assert!(Arc::ptr_eq(&third, &trust.current().await), "nobody asked for an open door");
    trust.reload().expect("good");
    assert!(!trust.current().await.speaks_tls());
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_less_is_taken_by_a_reload_alone() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let path = folder.path().join("web.yml");
    let hash = bcrypt::hash("a", 4).expect("hashed");
    let users = format!("basic_auth_users: {{a: '{hash}'}}\n");
    let tls = |more: &str| {
        format!("tls_server_config: {{cert_file: server.crt, key_file: server.key{more}}}\n{users}")
    };
    let full = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, \
        client_allowed_sans: [prometheus]";
    let whole = tls(full) + "rate_limit: {interval: 1s, burst: 9}\n";
    let soon = Duration::from_millis(1100);
    for (less, expected) in [
        (String::new(), "TLS"),
        ("# being written\n".to_owned(), "TLS"),
        (users.clone() + "rate_limit: {interval: 1s, burst: 9}\n", "TLS"),
        (whole.replace(&users, ""), "a password"),
        (whole.replace(&users, "basic_auth_users:\n"), "a password"),
        (tls(""), "a certificate"),
        (tls(", client_auth_type: RequireAnyClientCert, client_allowed_sans: [x]"), "that is verified"),
        (tls(", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt"), "a certificate"),
        (whole.replace(", client_allowed_sans: [prometheus]", ""), "a name in the certificate"),
        (tls(full), "rate_limit"),
    ] {
        fs::write(&path, &whole).expect("written");
        let trust = Trust::load(&path).expect("good");
        let first = trust.current().await;
        fs::write(&path, &less).expect("written");
        for _ in 0..2 {
            tokio::time::advance(soon).await;
            assert!(Arc::ptr_eq(&first, &trust.current().await), "{less}");
            let told = trust.0.seen.lock().expect("whole").trouble.clone().expect("told");
            assert!(told.contains("no longer asks for ") && told.contains(expected), "{less}: {told}");
        }
        // What the old one stands in is still looked at, and a whole file is taken as ever.
        assert_eq!(trust.files().len(), 4, "{less}");
        fs::write(&path, whole.clone() + "# again\n").expect("written");
        tokio::time::advance(soon).await;
        let second = trust.current().await;
        assert!(!Arc::ptr_eq(&first, &second), "{less}");
        // Who asks for less by a reload gets it.
        fs::write(&path, &less).expect("written");
        trust.reload().expect("good");
        assert!(!Arc::ptr_eq(&second, &trust.current().await), "{less}");
        tokio::time::advance(soon).await;
        trust.current().await;
        assert_eq!(trust.0.seen.lock().expect("whole").trouble, None);
    }
    // More than there was is no reload's affair.
    fs::write(&path, &users).expect("written");
    let trust = Trust::load(&path).expect("good");
    fs::write(&path, &whole).expect("written");
    tokio::time::advance(soon).await;
    assert!(trust.current().await.speaks_tls());
}

#[tokio::test(start_paused = true)]
async fn a_mend_that_leaves_the_text_alone_is_seen() {
    use std::os::unix::fs::PermissionsExt as _;
    let authority = Authority::new();
    let folder = folder(&authority);
    let trust = load(folder.path(), "").expect("good");
    let first = trust.current().await;
    let soon = Duration::from_millis(1100);
    // Who may read it is a change of its own: the time of the text stays.
    let key = folder.path().join("server.key");
    let before = stamp(&key);
    std::thread::sleep(Duration::from_millis(20));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o604)).expect("set");
    assert_ne!(before, stamp(&key));
    tokio::time::advance(soon).await;
    let second = trust.current().await;
    assert!(!Arc::ptr_eq(&first, &second), "read again");
    // Of what failed no stamp need tell that it is whole: here the last look saw what is there now.
    fs::write(&key, "").expect("written");
    tokio::time::advance(soon).await;
    assert!(Arc::ptr_eq(&second, &trust.current().await));
    authority.issue(&["localhost"]).write(folder.path(), "server");
    let now = |files: &mut Vec<(PathBuf, Stamp)>| {
        for (path, seen) in files {
            *seen = stamp(path);
        }
    };
    now(&mut trust.0.seen.lock().expect("whole").files);
    tokio::time::advance(soon).await;
    assert!(!Arc::ptr_eq(&second, &trust.current().await), "whole again");
}
