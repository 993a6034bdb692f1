//! Where log lines go: standard error, as logfmt or JSON, so that standard output holds reports alone.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// Sets the process's log up, once.
///
/// # Errors
/// When it was set up before.
pub fn init(level: &str, json: bool) -> Result<(), TryInitError> {
    tracing_subscriber::registry().with(layer(level, json, io::stderr)).try_init()
}

/// `level` is for this program; the libraries below it speak at `warn` at most, or a single debug line
/// of ours would drown in theirs.
fn layer<W>(level: &str, json: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let libraries = if level == "error" { LevelFilter::ERROR } else { LevelFilter::WARN };
    let own = level.parse().unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(libraries).with_target("destination_exporter", own);
    if json {
        let json = fmt::layer().json().flatten_event(true).with_ansi(false).with_writer(writer);
        json.with_filter(filter).boxed()
    } else {
        let logfmt = tracing_logfmt::EventsFormatter::default();
        let fields = tracing_logfmt::FieldsFormatter::default();
        let logfmt =
            fmt::layer().event_format(logfmt).fmt_fields(fields).with_ansi(false).with_writer(writer);
        logfmt.with_filter(filter).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(level: &str, json: bool) -> String {
        let paper = Paper::default();
        let copy = paper.clone();
        let subscriber = tracing_subscriber::registry().with(layer(level, json, move || copy.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(destination = "a b", "seen");
            tracing::debug!("decided");
            tracing::info!(target: "hyper", "chatter");
        });
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn both_formats_carry_fields_and_keep_to_the_level() {
        let logfmt = written("info", false);
        assert!(logfmt.contains("destination=\"a b\"") && logfmt.contains("level=info"), "{logfmt}");
        assert_eq!(logfmt.lines().count(), 1, "{logfmt}");
        let json: serde_json::Value = serde_json::from_str(&written("info", true)).unwrap();
        assert_eq!((&json["destination"], &json["message"]), (&"a b".into(), &"seen".into()));
        assert_eq!(written("debug", false).lines().count(), 2);
        assert_eq!(written("error", false), "");
    }
}
