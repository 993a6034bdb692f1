//! Certificates that programs make themselves where they have no other.

use x509_parser::x509::X509Name;

/// Who made it. That it is served means that there is none for the name that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// Traefik: `CN=TRAEFIK DEFAULT CERT`, new at each start.
    /// <https://doc.traefik.io/traefik/https/tls/#default-certificate>
    Traefik,
    /// Caddy's internal authority: `tls internal`, and names for which no public certificate can be had.
    /// <https://caddyserver.com/docs/automatic-https#local-https>
    Caddy,
    /// ingress-nginx: `CN=Kubernetes Ingress Controller Fake Certificate`.
    /// <https://kubernetes.github.io/ingress-nginx/user-guide/tls/#default-ssl-certificate>
    IngressNginx,
    /// Nginx Proxy Manager: `O=Nginx Proxy Manager, OU=Dummy Certificate`.
    NginxProxyManager,
    /// Images of linuxserver.io: `O=Linuxserver.io, OU=LSIO Server`.
    LinuxServer,
}

impl Stock {
    /// Whose certificate it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Traefik => "Traefik's default certificate",
            Self::Caddy => "a certificate of Caddy's internal authority",
            Self::IngressNginx => "ingress-nginx's fake certificate",
            Self::NginxProxyManager => "Nginx Proxy Manager's dummy certificate",
            Self::LinuxServer => "the certificate that linuxserver.io's images make for themselves",
        }
    }

    pub(super) fn of(subject: &X509Name<'_>, issuer: &X509Name<'_>) -> Option<Self> {
        if is(common(subject), |name| name == "TRAEFIK DEFAULT CERT") {
            Some(Self::Traefik)
        } else if is(common(issuer), |name| name.starts_with("Caddy Local Authority")) {
            Some(Self::Caddy)
        } else if is(common(subject), |name| name == "Kubernetes Ingress Controller Fake Certificate") {
            Some(Self::IngressNginx)
        } else if is(organization(subject), |name| name == "Nginx Proxy Manager")
            && is(unit(subject), |name| name == "Dummy Certificate")
        {
            Some(Self::NginxProxyManager)
        } else if is(organization(subject), |name| name == "Linuxserver.io")
            && is(unit(subject), |name| name == "LSIO Server")
        {
            Some(Self::LinuxServer)
        } else {
            None
        }
    }
}

fn is(name: Option<&str>, wanted: impl Fn(&str) -> bool) -> bool {
    name.is_some_and(wanted)
}

fn common<'n>(name: &'n X509Name<'_>) -> Option<&'n str> {
    name.iter_common_name().next().and_then(|part| part.as_str().ok())
}

fn organization<'n>(name: &'n X509Name<'_>) -> Option<&'n str> {
    name.iter_organization().next().and_then(|part| part.as_str().ok())
}

fn unit<'n>(name: &'n X509Name<'_>) -> Option<&'n str> {
    name.iter_organizational_unit().next().and_then(|part| part.as_str().ok())
}
