//! `serve`: discovers, probes on schedule and answers HTTP until it is told to stop.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cli::{Flags, local_url};
use crate::config::{Config, Docker};
use crate::metrics::BuildInfo;
use crate::monitor::{Message, Monitor};
use crate::namespace::Hopper;
use crate::web::{self, Actions, App, Limits, Trust};

use super::approved::Approved;
use super::{COULD_NOT, configuration, meter::meter, watch::watch};

/// A configuration that is not read by then is not taken.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Which build this is.
pub const BUILD: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    revision: env!("REVISION"),
    rustc: env!("RUSTC_VERSION"),
};

/// Runs until SIGTERM or SIGINT, then drains; SIGHUP reads the configuration again.
pub async fn run(config: Config, flags: Flags, trust: Trust) -> ExitCode {
    match serve(config, flags, trust).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!(%why, "cannot serve");
            ExitCode::from(COULD_NOT)
        }
    }
}

async fn serve(config: Config, flags: Flags, trust: Trust) -> Result<(), String> {
    // Everything that can be refused is asked for before anything starts.
    let mut listeners = Vec::new();
    let mut external_url = flags.external_url.clone();
    for address in &flags.listen_addresses {
        let listener = listen(*address).await;
        let listener = listener.map_err(|error| format!("listening on {address}: {error}"))?;
        // The flag may have left the choice of the port to the kernel.
        let bound = listener.local_addr().unwrap_or(*address);
        external_url.get_or_insert_with(|| local_url(bound, trust.speaks_tls()));
        listeners.push(listener);
    }
    let told = |error| format!("listening for signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(told)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(told)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(told)?;
    let hopper = Hopper::start().map_err(|e| format!("starting the thread that enters namespaces: {e}"))?;

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let settings = config.docker.clone();
    let approved = Approved::of(&config, &flags);
    let (monitor, handle) = Monitor::new(Arc::new(config), hopper, &external_url.unwrap_or_default());
    tasks.spawn(monitor.run(stop.clone()));
    let mut watched = stop.child_token();
    tasks.spawn(watch(settings.clone(), handle.messages.clone(), watched.clone()));
    tasks.spawn(meter(settings, handle.clone(), watched.clone()));
    if let Some(approved) = approved {
        tasks.spawn(approved.follow(handle.messages.clone(), watched.clone()));
    }
    let (reload, mut reloads) = mpsc::channel(4);
    let app = App {
        actions: Actions::new(handle.clone(), reload, flags.enable_remote_actions),
        verdict: Arc::clone(&handle.verdict),
        history: Arc::clone(&handle.history),
        build: BUILD,
        telemetry_path: flags.telemetry_path.as_str().into(),
        trust: trust.clone(),
    };
    trust.warn();
    let router = web::router(app);
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, tls = trust.speaks_tls(), version = BUILD.version, "serving");
            if !address.ip().to_canonical().is_loopback() && trust.hears_passwords_in_the_clear() {
                tracing::warn!(%address, "passwords come here in the clear: tls_server_config of --web.config.file");
            }
        }
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(web::serve(listener, router.clone(), trust.clone(), Limits::default(), stopped));
    }
    let failed = loop {
        let asker = tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            // A watcher ends where a reload has started another. Whoever else ends without being told to
            // would leave faces that show the past for ever: better none, and a supervisor that notices.
            Some(ended) = tasks.join_next() => match ended {
                Ok(()) => continue,
                Err(error) => break Some(format!("a fault of the exporter: {error}")),
            },
            _ = hangup.recv() => None,
            Some(asker) = reloads.recv() => Some(asker),
        };
        let read = read_again(&flags, &trust, &handle.messages).await;
        if let Ok((settings, approved)) = &read {
            // Where the Engine is and which networks count may have changed: everything is listed anew.
            watched.cancel();
            watched = stop.child_token();
            tasks.spawn(watch(settings.clone(), handle.messages.clone(), watched.clone()));
            tasks.spawn(meter(settings.clone(), handle.clone(), watched.clone()));
            if let Some(approved) = approved.clone() {
                tasks.spawn(approved.follow(handle.messages.clone(), watched.clone()));
            }
        }
        if let Some(asker) = asker {
            // Whoever gave up waiting does not want the answer.
            asker.send(read.map(drop)).ok();
        }
    };
    tracing::info!("stopping");
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    failed.map_or(Ok(()), Err)
}

/// Every address (`:PORT`) is every IPv4 one where the kernel has no IPv6.
async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error)
            if error.raw_os_error() == Some(libc::EAFNOSUPPORT) && address.ip() == Ipv6Addr::UNSPECIFIED =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Takes a good configuration and gives its Engine and what the operator approved; a bad one changes nothing but the metric that
/// says so.
async fn read_again(
    flags: &Flags,
    trust: &Trust,
    messages: &mpsc::Sender<Message>,
) -> Result<(Docker, Option<Approved>), String> {
    let (reader, trust) = (flags.clone(), trust.clone());
    let read = within(READ_WITHIN, move |late| {
        // Both or none: what is half in force is what nobody wrote.
        let config = configuration(&reader)?;
        if !late.is_cancelled() {
            trust.reload()?;
        }
        Ok(config)
    });
    let read = read.await;
    let (message, read) = match read {
        Ok(config) => {
            let taken = (config.docker.clone(), Approved::of(&config, flags));
            (Message::Configured(Ok(Arc::new(config))), Ok(taken))
        }
        Err(problems) => {
            tracing::error!(%problems, "the configuration was not reloaded: the old one stays");
            (Message::Configured(Err(())), Err(problems))
        }
    };
    // The loop is gone only when the program ends.
    messages.send(message).await.ok();
    read
}

/// What is read by then; a file on a mount that hangs must not stop everything else. The reader is told that it is
/// late.
async fn within<T: Send + 'static>(
    patience: Duration,
    read: impl FnOnce(&CancellationToken) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let gave_up = CancellationToken::new();
    let late = gave_up.clone();
    match timeout(patience, tokio::task::spawn_blocking(move || read(&late))).await {
        Ok(read) => read.unwrap_or_else(|error| Err(error.to_string())),
        Err(_) => {
            gave_up.cancel();
            Err(format!("the configuration could not be read within {patience:?}: does its mount hang?"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_that_hangs_is_given_up_and_takes_nothing_afterwards() {
        let (go, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let read = within(Duration::from_millis(50), move |late| {
            held.recv().ok();
            tell.send(late.is_cancelled()).ok();
            Ok(())
        });
        assert!(read.await.is_err_and(|why| why.contains("within 50ms")));
        drop(go);
        assert_eq!(told.recv(), Ok(true));
        assert_eq!(within(Duration::from_secs(30), |late| Ok(late.is_cancelled())).await, Ok(false));
    }
}
