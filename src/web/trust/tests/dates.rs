use rcgen::date_time_ymd;
use rustls::pki_types::UnixTime;

use super::super::dates::Dates;
use super::*;

const VERIFIES: &str = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";

#[tokio::test]
async fn what_is_out_of_its_time_is_taken_and_told() {
    let (good, past, coming) = (
        Authority::new(),
        Authority::new_as(|it| it.not_after = date_time_ymd(2020, 2, 29)),
        Authority::new_as(|it| it.not_before = date_time_ymd(2999, 1, 1)),
    );
    let server =
        ": line 1, column 32: tls_server_config.cert_file: FOLDER/server.crt holds a certificate that ";
    let signer = ": tls_server_config.client_ca_file: FOLDER/ca.crt holds an authority that ";
    for (authority, before, after, expected) in [
        (&good, 2000, 2999, vec![]),
        (
            &good,
            2000,
            2020,
            vec![format!("{server}expired at 2020-01-01T00:00:00Z: callers that verify it stay away")],
        ),
        (&good, 2998, 2999, vec![format!("{server}is not valid before 2998-01-01T00:00:00Z: ")]),
        (
            &past,
            2000,
            2999,
            vec![format!("{signer}expired at 2020-02-29T00:00:00Z: whom it signed is let in")],
        ),
        (&coming, 2000, 2999, vec![format!("{signer}is not valid before 2999-01-01T00:00:00Z: ")]),
        (&past, 2000, 2020, vec![format!("{server}expired"), format!("{signer}expired")]),
    ] {
        let folder = folder(authority);
        let name = folder.path().display().to_string();
        let paper = authority.issue_as(&["localhost"], |it| {
            it.not_before = date_time_ymd(before, 1, 1);
            it.not_after = date_time_ymd(after, 1, 1);
        });
        paper.write(folder.path(), "server");
        let trust = load(folder.path(), VERIFIES).expect("taken");
        let told = trust.untimely();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(&expected.replace("FOLDER", &name)), "{told}\n{expected}");
        }
        // Callers of an authority whose time is over come in, as the warning says.
        if (before, after) == (2000, 2999) {
            let caller = authority.caller(Some(&authority.issue(&["x"])));
            assert_eq!(shake(&trust, false, caller).await.map(|came| came.0), Some(true));
        }
    }
}

#[test]
fn the_last_second_is_one_of_its_time() {
    let authority = Authority::new();
    let paper = authority.issue_as(&["x"], |it| it.not_after = date_time_ymd(2020, 1, 1));
    let certificate = CertificateDer::from_pem_slice(paper.certificate.as_bytes()).expect("a certificate");
    let end = 1_577_836_800;
    let at = |second| {
        Dates::of(&certificate, UnixTime::since_unix_epoch(Duration::from_secs(second)), "it is old")
    };
    assert_eq!(
        at(end),
        Dates { wrong: None, ends: Some(UnixTime::since_unix_epoch(Duration::from_secs(end))) }
    );
    assert_eq!(at(end + 1).wrong.as_deref(), Some("expired at 2020-01-01T00:00:00Z: it is old"));
}

/// In the middle of a chain as well, and behind the one that is the server's own.
#[test]
fn every_certificate_of_a_file_is_looked_at() {
    let (authority, old) =
        (Authority::new(), Authority::new_as(|it| it.not_after = date_time_ymd(2020, 1, 1)));
    let folder = folder(&authority);
    for (name, count) in [("server.crt", 1), ("ca.crt", 2)] {
        let file = folder.path().join(name);
        let text = fs::read_to_string(&file).expect("there") + &old.certificate;
        fs::write(&file, text).expect("written");
        assert_eq!(load(folder.path(), VERIFIES).expect("taken").untimely().len(), count, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_time_ends_meanwhile_is_told_then() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let paper = authority.issue_as(&["localhost"], |it| {
        it.not_after = (std::time::SystemTime::now() + Duration::from_secs(3)).into()
    });
    paper.write(folder.path(), "server");
    let trust = load(folder.path(), "").expect("good");
    let first = trust.current().await;
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(Arc::ptr_eq(&first, &trust.current().await) && trust.untimely().is_empty());
    std::thread::sleep(Duration::from_secs(4));
    tokio::time::advance(Duration::from_secs(2)).await;
    let second = trust.current().await;
    assert!(!Arc::ptr_eq(&first, &second) && trust.untimely().len() == 1);
    // Once is enough.
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(Arc::ptr_eq(&second, &trust.current().await));
    // And a renewed one is not told.
    authority.issue(&["localhost", "renewed.example"]).write(folder.path(), "server");
    tokio::time::advance(Duration::from_secs(2)).await;
    trust.current().await;
    assert!(trust.untimely().is_empty());
}

/// As `openssl x509 -req` of OpenSSL 3.0 makes one without extensions.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBFDCBuwIUagYxQb6Pi054RK/JPo8DHoES+w0wCgYIKoZIzj0EAwIwDTELMAkG\n\
A1UEAwwCdjEwHhcNMjYxMTI2MTQwMjA2WhcNMjYxMjA1MTQwMjA2WjANMQswCQYD\n\
VQQDDAJ2MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCRW/zAAIN2IWvz7raPW\n\
i2wvegApOsMIN05+B/SntNkSXJbxxf9n5ZNzzmrTv3Gszg65HwdB+IWxhAP6hi8k\n\
J1QwCgYIKoZIzj0EAwIDSAAwRQIhAL7vdRYGEPJiL4U0rDrD7LnpIoqtIkeZtUjm\n\
5akIVU0YAiBzmyI7mjfH0657ZZlRbB34IDbVCbrc+QQEBd6Lo2W5SA==\n\
-----END CERTIFICATE-----\n\n";

#[test]
fn one_of_version_1_is_told_in_words() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let write = |name: &str| fs::write(folder.path().join(name), VERSION_1).expect("written");
    write("ca.crt");
    let told = load(folder.path(), VERIFIES).expect("as an authority it is taken").untimely();
    assert!(told.concat().contains("X.509 version 1, whose dates are not looked at"), "{told:?}");
    write("server.crt");
    let told = load(folder.path(), "").expect_err("refused");
    assert!(told.contains("can be read: it is of X.509 version 1; expected version 3"), "{told}");
    assert!(!told.contains("OtherError") && !told.contains("UnsupportedCertVersion"), "{told}");
}
