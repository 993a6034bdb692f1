//! `healthcheck`: asks a running exporter whether it lives, for images that hold no program that could.
//!
//! It asks the exporter on its own machine and looks at no certificate: whoever could answer in its place there
//! could do more. Where nothing is said of the scheme it finds out: plain first, then TLS.

use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::cli::Flags;
use crate::probe::any_certificate;

/// Docker's own default is half a minute; one that takes so long is not well.
const PATIENCE: Duration = Duration::from_secs(5);
const PATH: &str = "/-/healthy";

/// Why an exporter is not called healthy.
enum Failure {
    /// Who answers does not speak HTTP like this: TLS, perhaps.
    NotHttp,
    Other(String),
}

/// Asks, and says in one line what came of it: 0 healthy, 1 not.
pub async fn run(flags: &Flags, url: Option<&Uri>) -> ExitCode {
    let asked = match url {
        Some(url) => named(url).await,
        None => own(flags).await,
    };
    match asked {
        Ok(place) => {
            writeln!(std::io::stdout().lock(), "healthy: {place}").ok();
            ExitCode::SUCCESS
        }
        Err(why) => {
            writeln!(std::io::stderr().lock(), "not healthy: {why}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Asks the one that the operator names.
async fn named(url: &Uri) -> Result<String, String> {
    let secure = url.scheme() == Some(&Scheme::HTTPS);
    let authority = url.authority().map(Authority::as_str).unwrap_or_default();
    let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
    ask(secure, authority, if path == "/" { PATH } else { path })
        .await
        .map_err(|(place, why)| why.tell(&place))
}

/// Asks the one that these flags would start.
async fn own(flags: &Flags) -> Result<String, String> {
    let mut first = None;
    for authority in addresses(flags) {
        let asked = match ask(false, &authority, PATH).await {
            Err((_, Failure::NotHttp)) => ask(true, &authority, PATH).await,
            asked => asked,
        };
        match asked {
            Ok(place) => return Ok(place),
            Err((place, why)) => first = first.or(Some(why.tell(&place))),
        }
    }
    Err(first.unwrap_or_default())
}

/// Where the first listen address is reached. Who listens everywhere is reached by loopback, of one family or the
/// other.
fn addresses(flags: &Flags) -> Vec<String> {
    let Some(first) = flags.listen_addresses.first() else { return Vec::new() };
    let ips = match first.ip() {
        ip if ip.is_unspecified() => vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
        ip => vec![ip],
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, first.port()).to_string()).collect()
}

impl Failure {
    fn tell(&self, place: &str) -> String {
        match self {
            Self::NotHttp => format!("{place}: what answers does not speak HTTP like this"),
            Self::Other(why) => format!("{place}: {why}"),
        }
    }
}

/// Gives the URL that was asked, with what was wrong where something was.
async fn ask(secure: bool, authority: &str, path: &str) -> Result<String, (String, Failure)> {
    let place = format!("{}://{authority}{path}", if secure { "https" } else { "http" });
    match timeout(PATIENCE, answer(secure, authority, path)).await {
        Ok(Ok(StatusCode::OK)) => Ok(place),
        Ok(Ok(StatusCode::BAD_REQUEST)) => Err((place, Failure::NotHttp)),
        Ok(Ok(status)) => Err((place, Failure::Other(format!("it answers {status}")))),
        Ok(Err(why)) => Err((place, why)),
        Err(_) => Err((place, Failure::Other(format!("no answer in {PATIENCE:?}")))),
    }
}

async fn answer(secure: bool, authority: &str, path: &str) -> Result<StatusCode, Failure> {
    let (host, at) = match authority.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) {
        Some((host, _)) => (host, authority.to_owned()),
        None => (authority, format!("{authority}:{}", if secure { 443 } else { 80 })),
    };
    let stream = connect(&at).await.map_err(other)?;
    if !secure {
        return get(stream, authority, path).await;
    }
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(other)?;
    let connector = TlsConnector::from(any_certificate().map_err(other)?);
    get(connector.connect(name, stream).await.map_err(other)?, authority, path).await
}

/// In the words of what it came from: the layers above say that something ended, and not why.
fn other(error: impl Error) -> Failure {
    let mut cause: &dyn Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    Failure::Other(cause.to_string())
}

#[expect(clippy::disallowed_methods, reason = "it asks the exporter of its own machine: this is no probe")]
async fn connect(at: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(at).await
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    path: &str,
) -> Result<StatusCode, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(other)?;
    tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, authority).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.map_err(other)?).await;
    let answer = answer.map_err(|error| if error.is_parse() { Failure::NotHttp } else { other(error) })?;
    Ok(answer.status())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn it_asks_where_the_exporter_listens() {
        for (line, expected) in [
            ("healthcheck", &["127.0.0.1:10061"][..]),
            ("healthcheck --web.listen-address=:1", &["127.0.0.1:1", "[::1]:1"]),
            ("healthcheck --web.listen-address=10.0.0.1:1 --web.listen-address=:2", &["10.0.0.1:1"]),
        ] {
            let words = std::iter::once("destination-exporter").chain(line.split_whitespace());
            let cli = Cli::try_parse_from(words).expect("parses");
            assert_eq!(addresses(&cli.flags), expected, "{line}");
        }
    }
}
