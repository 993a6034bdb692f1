//! Connections to the Engine: one for each request, so that there is nothing to reconnect and what is read
//! on it is one answer.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::allowance::{Allowance, Bounded, WORD};
use super::entries::Entries;

/// The client's own deadline, in whole seconds: ours is the one that counts.
const CLIENT_TIMEOUT: u64 = 120;
/// Of what is said of a request that was not served.
const MOST_SAID: usize = WORD;

/// The client, and what it may read for each of its requests. Nothing is asked yet.
pub(super) fn client(
    host: &str,
    allowance: impl Fn() -> Allowance + Send + Sync + 'static,
) -> Result<Docker, Error> {
    if let Some(path) = host.strip_prefix("unix://")
        && !Path::new(path).exists()
    {
        return Err(Error::SocketNotFoundError(path.to_owned()));
    }
    let address = format!("http://{}", authority(host));
    let host: Arc<str> = host.into();
    let transport = move |request: BollardRequest| exchange(Arc::clone(&host), request, allowance());
    Docker::connect_with_custom_transport(transport, Some(address), CLIENT_TIMEOUT, API_DEFAULT_VERSION)
}

/// What the header `Host` says. A Unix socket has no name that means anything to who answers.
fn authority(host: &str) -> &str {
    host.strip_prefix("tcp://").unwrap_or("localhost")
}

/// Sends a request, and reads of the answer what the allowance permits: head, framing and body.
pub(super) async fn exchange<B>(
    host: Arc<str>,
    mut request: Request<B>,
    allowance: Allowance,
) -> Result<Response<Incoming>, Error>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    // The path alone: the rest is for who is asked by way of somebody else.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>()?;
    let name = HeaderValue::from_str(authority(&host)).map_err(hyper::http::Error::from)?;
    request.headers_mut().insert(HOST, name);
    match host.strip_prefix("unix://") {
        Some(path) => over(UnixStream::connect(path).await?, request, allowance).await,
        None => over(connect(authority(&host)).await?, request, allowance).await,
    }
}

/// The answer to `path`, as far as `T` names its fields. The client's own models know every field, and one odd
/// value in any of them would cost those that are wanted.
pub(super) async fn fields<T: DeserializeOwned>(
    host: &str,
    path: &str,
    allowance: Allowance,
) -> Result<T, Error> {
    let request = Request::get(path).body(Empty::<Bytes>::new())?;
    let answer = good(exchange(host.into(), request, allowance).await?).await?;
    Ok(serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?)
}

/// Gives each entry of the list at `path` as it comes; an entry may be so long. Whether it was given all.
pub(super) async fn entries(
    host: &str,
    path: &str,
    allowance: Allowance,
    most: usize,
    mut each: impl FnMut(&[u8]),
) -> Result<bool, Error> {
    let request = Request::get(path).body(Empty::<Bytes>::new())?;
    let mut body = good(exchange(host.into(), request, allowance).await?).await?.into_body();
    let mut entries = Entries::of(most);
    while let Some(frame) = body.frame().await {
        entries.pass(frame?.data_ref().map_or(&[], |data| &**data), &mut each)?;
    }
    Ok(entries.is_whole()?)
}

/// An answer that says so, or what it says instead.
async fn good(answer: Response<Incoming>) -> Result<Response<Incoming>, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said = Limited::new(answer.into_body(), MOST_SAID).collect().await;
    let message = said.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    let message = message.unwrap_or_else(|_| "a long answer".to_owned());
    Err(Error::DockerResponseServerError { status_code: status.as_u16(), message })
}

#[expect(clippy::disallowed_methods, reason = "the Engine is asked from where the exporter is")]
async fn connect(address: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}

async fn over<S, B>(stream: S, request: Request<B>, allowance: Allowance) -> Result<Response<Incoming>, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let stream = TokioIo::new(Bounded::new(stream, allowance));
    let (mut sender, connection) = http1::handshake(stream).await?;
    // Who gives up before there is an answer ends the connection; afterwards it ends with the body.
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request).await?;
    connection.detach();
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bollard::models::ContainerSummary;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;
    use tokio::time::timeout;

    use super::super::allowance::WORD;
    use super::super::lenient;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn ask(host: &str) -> Result<Response<Incoming>, Error> {
        let request = Request::get("/_ping").body(Empty::<Bytes>::new()).unwrap();
        exchange(host.into(), request, Allowance::of(WORD)).await
    }

    /// Silence, the head alone, half of the body, all of it: whoever asked lets go of each.
    #[tokio::test]
    async fn who_gives_up_and_who_is_done_closes_the_connection() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        for answer in ["".to_owned(), head.to_owned(), format!("{head}OK"), format!("{head}OKOK")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("docker.sock");
            let host = format!("unix://{}", path.display());
            let engine = UnixListener::bind(path).unwrap();
            let asked = tokio::spawn(async move {
                let read = async { ask(&host).await.unwrap().into_body().collect().await };
                timeout(Duration::from_millis(200), read).await.ok();
            });
            let (mut stream, _) = engine.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked.await.unwrap();
            let rest = timeout(PATIENCE, stream.read(&mut request)).await.expect("it holds the connection");
            assert!(matches!(rest, Ok(0) | Err(_)), "after {answer:?}: {rest:?}");
        }
    }

    #[tokio::test]
    async fn a_listing_that_is_read_entry_by_entry_has_its_allowance_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let host = format!("unix://{}", path.display());
        let engine = UnixListener::bind(path).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = engine.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[0").await.unwrap();
            while stream.write_all(&b",0".repeat(4096)).await.is_ok() {}
        });
        let listing = timeout(PATIENCE, lenient::listing::<ContainerSummary>(&host, "/containers/json"));
        let error = listing.await.expect("it reads on and on").unwrap_err();
        assert!(error.to_string().contains("too large"), "{error:?}");
        timeout(PATIENCE, served).await.expect("it holds the connection").unwrap();
    }
}
