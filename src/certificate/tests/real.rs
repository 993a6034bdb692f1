//! Certificates that others made: Traefik 3.7 and Caddy 2.11 on their first start, and a server of a public authority.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::*;

const TRAEFIK: &str = include_str!("real/traefik.pem");
const CADDY: &str = include_str!("real/caddy.pem");
/// The end entity and who signed it; the root above may sign for names below `.tr` alone.
const PUBLIC: &str = include_str!("real/public.pem");

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|der| der.expect("a certificate")).collect()
}

fn examined(pem: &str, first: usize) -> Arc<Certificate> {
    let chain = chain(pem);
    let chain: Vec<&[u8]> = chain.iter().take(first).map(AsRef::as_ref).collect();
    Examiner::default().read(&chain, now()).expect("a certificate")
}

fn faults(certificate: &Certificate, host: &str) -> Vec<Fault> {
    let verdicts = judge(certificate, host, now(), &Settings::default());
    verdicts.into_iter().map(|verdict| verdict.fault).collect()
}

#[test]
fn what_proxies_make_for_themselves() {
    for (pem, host, stock, title, is_alone) in [
        (TRAEFIK, "shop.example.com", Stock::Traefik, "CN=TRAEFIK DEFAULT CERT", true),
        // Its subject is empty, and the name is right.
        (CADDY, "shop.localhost", Stock::Caddy, "shop.localhost", false),
    ] {
        let certificate = examined(pem, 10);
        let read = certificate.read.as_ref().expect("read");
        assert_eq!((read.paper.stock, read.paper.self_signed), (Some(stock), is_alone));
        assert_eq!(read.paper.title(), title);
        assert_eq!(faults(&certificate, host), [Fault::Default], "{title}");
    }
}

#[test]
fn one_of_a_public_authority_is_believed_and_its_end_is_told() {
    let certificate = examined(PUBLIC, 2);
    let read = certificate.read.as_ref().expect("read");
    assert_eq!(read.trust, Trust::Trusted);
    assert_eq!(read.paper.not_after.to_string(), "2020-03-06T05:44:07Z");
    assert_eq!(faults(&certificate, "testssl.kamusm.gov.tr"), [Fault::Expired]);
    assert_eq!(faults(&certificate, "example.com"), [Fault::Expired, Fault::NameMismatch]);
    // As a server presents it whose file holds the first alone.
    let certificate = examined(PUBLIC, 1);
    let trust = &certificate.read.as_ref().expect("read").trust;
    let Trust::Untrusted(Distrust::Incomplete(missing)) = trust else { panic!("{trust:?}") };
    assert!(missing.contains("CN=TUBITAK Kamu SM SSL Sertifika Hizmet Saglayicisi - Surum 1"), "{missing}");
}
