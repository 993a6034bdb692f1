use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, Uri};

use super::super::super::server::Caller;
use super::*;

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

#[tokio::test]
async fn a_certificate_counts_where_it_was_looked_at() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";
    let trust = load(folder.path(), more).expect("good");
    let caller = |door: &Door| Caller {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        encrypted: true,
        certified: true,
        door: door.number(),
    };
    let admits = async |door: &Door, caller: Caller| {
        door.admit(caller, &Uri::from_static("/metrics"), &HeaderMap::new()).await.ok()
    };
    let first = trust.current().await;
    assert_eq!(admits(&first, caller(&first)).await, Some(true));
    // The server's own certificate is no affair of callers: a scrape that is under way goes on.
    authority.issue(&["localhost", "renewed.example"]).write(folder.path(), "server");
    trust.reload().expect("good");
    let renewed = trust.current().await;
    assert!(!Arc::ptr_eq(&first, &renewed));
    assert_eq!(admits(&renewed, caller(&first)).await, Some(true));
    // Others may sign, or other names are asked for.
    fs::write(folder.path().join("ca.crt"), &Authority::new().certificate).expect("written");
    trust.reload().expect("good");
    let signed = trust.current().await;
    load(folder.path(), &format!("{more}, client_allowed_sans: [prometheus]")).expect("good");
    trust.reload().expect("good");
    let named = trust.current().await;
    for (door, old) in [(&signed, &first), (&named, &signed), (&named, &first)] {
        assert_eq!(admits(door, caller(old)).await, None);
        assert_eq!(admits(door, caller(door)).await, Some(true));
    }
    // One that is only asked for is asked for no more where nobody asks.
    load(folder.path(), "").expect("good");
    trust.reload().expect("good");
    assert_eq!(admits(&*trust.current().await, caller(&named)).await, Some(false));
}
