//! Connections to the Engine: one for each request, so that there is nothing to reconnect and what is read
//! on it is one answer.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::allowance::{Allowance, Bounded};

/// The client's own deadline, in whole seconds: ours is the one that counts.
const CLIENT_TIMEOUT: u64 = 120;

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
