//! Pages are printed once for each verdict, and handed to everyone who asks.
//!
//! A big host's page takes milliseconds to write and megabytes to keep, and whoever reaches the port may
//! ask for it as often as they like. So what it costs does not grow with those who ask: a page of a
//! verdict is one block of memory that all its readers share, few are printed at one time, and few old
//! ones are kept alive by readers who are slow.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout};

use crate::diagnosis::Verdict;

use super::error::Refusal;
use super::gzip;
use super::html::{self, Document};

/// Pages that are printed at one time.
const AT_ONCE: usize = 2;
/// Pages of one kind that are in memory at one time: the latest, and those that somebody still reads.
const GENERATIONS: usize = 16;
/// Answers that are one caller's alone and in memory at one time.
const COPIES: usize = 8;
/// How long a caller waits for one of those before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What prints.
#[derive(Clone, Debug)]
pub(super) struct Press {
    printing: Arc<Semaphore>,
    copies: Arc<Semaphore>,
}

/// Where the latest page of one kind lies.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    kept: Arc<Mutex<Option<Kept>>>,
    generations: Arc<Semaphore>,
    /// A page is no older than this, whatever its verdict.
    lasts: Duration,
}

#[derive(Debug)]
struct Kept {
    /// Weak: the verdict is not kept for its page's sake, and yet its address is not another one's.
    of: Weak<Verdict>,
    printed: Instant,
    page: Page,
}

/// One page, which all its readers share.
#[derive(Clone, Debug)]
pub(super) struct Page {
    plain: Bytes,
    /// The header ETag, where it has one.
    tag: Option<HeaderValue>,
    /// Made when somebody asks for it.
    packed: Arc<OnceCell<Bytes>>,
    place: Arc<OwnedSemaphorePermit>,
}

/// What was printed, and by which tag it is known.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) text: Vec<u8>,
    pub(super) tag: Option<HeaderValue>,
}

impl From<Vec<u8>> for Printed {
    fn from(text: Vec<u8>) -> Self {
        Self { text, tag: None }
    }
}

impl From<Document> for Printed {
    fn from(page: Document) -> Self {
        Self { tag: HeaderValue::from_str(&page.tag).ok(), text: page.text }
    }
}

/// Bytes that hold a place until the last of their readers is done with them.
struct Placed(
    Vec<u8>,
    #[expect(dead_code, reason = "given back when it is dropped")] Arc<OwnedSemaphorePermit>,
);

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Shelf {
    pub(super) fn new(lasts: Duration) -> Self {
        Self { kept: Arc::default(), generations: Arc::new(Semaphore::new(GENERATIONS)), lasts }
    }
}

impl Press {
    pub(super) fn new() -> Self {
        Self { printing: Arc::new(Semaphore::new(AT_ONCE)), copies: Arc::new(Semaphore::new(COPIES)) }
    }

    /// The page of the latest verdict, printed where the shelf has none of it.
    pub(super) async fn page(
        &self,
        shelf: &Shelf,
        latest: &ArcSwap<Verdict>,
        print: impl FnOnce(&Verdict) -> Result<Printed, Refusal> + Send + 'static,
    ) -> Result<Page, Refusal> {
        // Whoever comes meanwhile waits here, and takes what was printed.
        let mut kept = shelf.kept.lock().await;
        let verdict = latest.load_full();
        if let Some(kept) = &*kept
            && Weak::as_ptr(&kept.of) == Arc::as_ptr(&verdict)
            && kept.printed.elapsed() < shelf.lasts
        {
            return Ok(kept.page.clone());
        }
        let place = match (Arc::clone(&shelf.generations).try_acquire_owned(), &*kept) {
            (Ok(place), _) => Arc::new(place),
            // Slow readers hold all of them: the latest that there is, rather than one more. They are cut
            // off within a minute.
            (Err(TryAcquireError::NoPermits), Some(kept)) => return Ok(kept.page.clone()),
            (Err(_), _) => return Err(Refusal::busy()),
        };
        let (of, printed) = (Arc::downgrade(&verdict), Instant::now());
        let Printed { text, tag } = self.print(move || print(&verdict)).await?;
        let plain = Bytes::from_owner(Placed(text, Arc::clone(&place)));
        let page = Page { plain, tag, packed: Arc::default(), place };
        *kept = Some(Kept { of, printed, page: page.clone() });
        Ok(page)
    }

    /// An answer for one caller alone.
    pub(super) async fn copy(
        &self,
        print: impl FnOnce() -> Result<Vec<u8>, Refusal> + Send + 'static,
    ) -> Result<Bytes, Refusal> {
        let place = self.place().await?;
        let text = self.print(print).await?;
        Ok(Bytes::from_owner(Placed(text, Arc::new(place))))
    }

    /// A page for one caller alone, as it takes it: none where it has the same already.
    pub(super) async fn sheet(
        &self,
        asked: &HeaderMap,
        print: impl FnOnce() -> Result<Printed, Refusal> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let place = self.place().await?;
        let (asked, is_packed) = (asked.clone(), gzip::wanted(asked));
        let (text, tag) = self
            .print(move || {
                let Printed { text, tag } = print()?;
                if has(&asked, tag.as_ref()) {
                    return Ok((None, tag));
                }
                Ok((Some(if is_packed { packed(&text)? } else { text }), tag))
            })
            .await?;
        let body = text.map(|text| Bytes::from_owner(Placed(text, Arc::new(place))));
        Ok(respond(body, is_packed, html::CONTENT_TYPE, tag))
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = timeout(PATIENCE, Arc::clone(&self.copies).acquire_owned()).await;
        place.map_err(|_| Refusal::busy())?.map_err(|_| Refusal::internal())
    }

    /// The page as the caller takes it.
    pub(super) async fn answer(
        &self,
        page: Page,
        asked: &HeaderMap,
        content_type: &'static str,
    ) -> Result<Response, Refusal> {
        let is_packed = gzip::wanted(asked);
        let body = match has(asked, page.tag.as_ref()) {
            true => None,
            false if is_packed => Some(self.packed(&page).await?),
            false => Some(page.plain),
        };
        Ok(respond(body, is_packed, content_type, page.tag))
    }

    async fn packed(&self, page: &Page) -> Result<Bytes, Refusal> {
        let pack = || async {
            let (plain, place) = (page.plain.clone(), Arc::clone(&page.place));
            let packed = self.print(move || packed(&plain));
            packed.await.map(|bytes| Bytes::from_owner(Placed(bytes, place)))
        };
        page.packed.get_or_try_init(pack).await.cloned()
    }

    /// On a thread that drives no probes, and few at a time. A caller that goes away gives its turn back
    /// when what it asked for is printed, not before.
    async fn print<T: Send + 'static>(
        &self,
        print: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.printing).acquire_owned().await.map_err(|_| Refusal::internal())?;
        let printed = tokio::task::spawn_blocking(move || {
            let printed = print();
            drop(turn);
            printed
        });
        printed.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a page was not printed");
            Err(Refusal::internal())
        })
    }
}

fn packed(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    gzip::compress(text).map_err(|error| {
        tracing::error!(%error, "cannot compress a page");
        Refusal::internal()
    })
}

/// Whether the caller has what is known by this tag.
fn has(asked: &HeaderMap, tag: Option<&HeaderValue>) -> bool {
    tag.and_then(|tag| tag.to_str().ok()).is_some_and(|tag| html::known(asked, tag))
}

/// `None` is for whoever has the same already.
fn respond(
    body: Option<Bytes>,
    is_packed: bool,
    content_type: &'static str,
    tag: Option<HeaderValue>,
) -> Response {
    let is_sent = body.is_some();
    let mut response = match body {
        Some(body) => body.into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(tag.map(|tag| (header::ETAG, tag)));
    if is_sent {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if is_sent && is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use super::*;
    use crate::state::Recorder;

    fn verdict() -> Arc<Verdict> {
        let snapshot = Arc::new(Recorder::default().snapshot(SystemTime::UNIX_EPOCH));
        Arc::new(Verdict {
            snapshot,
            findings: Vec::new(),
            pending: 0,
            passages: Vec::new(),
            certificates: Vec::new(),
        })
    }

    /// A page whose text counts the pages that were printed.
    async fn numbered(
        press: &Press,
        shelf: &Shelf,
        latest: &ArcSwap<Verdict>,
        count: &Arc<AtomicUsize>,
    ) -> Page {
        let count = Arc::clone(count);
        let print = move |_: &Verdict| {
            Ok(Printed::from(count.fetch_add(1, Ordering::SeqCst).to_string().into_bytes()))
        };
        press.page(shelf, latest, print).await.expect("a page")
    }

    #[tokio::test]
    async fn a_page_is_printed_once_for_each_verdict_however_many_ask() {
        let (press, shelf, latest) = (Press::new(), Shelf::new(Duration::MAX), ArcSwap::new(verdict()));
        let count = Arc::default();
        let asked = (0..50).map(|_| numbered(&press, &shelf, &latest, &count));
        let pages = futures_util::future::join_all(asked).await;
        assert!(
            pages.iter().all(|page| page.plain.as_ptr() == pages[0].plain.as_ptr()),
            "one block of memory"
        );
        let (first, second) = (press.packed(&pages[0]).await, press.packed(&pages[1]).await);
        assert_eq!(first.map(|b| b.as_ptr()), second.map(|b| b.as_ptr()), "and one packed");
        latest.store(verdict());
        assert_eq!(numbered(&press, &shelf, &latest, &count).await.plain, "1");
        assert_eq!(numbered(&press, &shelf, &latest, &count).await.plain, "1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_lasts_so_long_is_printed_again_for_the_same_verdict() {
        let (press, shelf) = (Press::new(), Shelf::new(Duration::from_secs(1)));
        let (latest, count) = (ArcSwap::new(verdict()), Arc::default());
        numbered(&press, &shelf, &latest, &count).await;
        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(numbered(&press, &shelf, &latest, &count).await.plain, "0");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(numbered(&press, &shelf, &latest, &count).await.plain, "1");
    }

    #[tokio::test]
    async fn slow_readers_keep_so_many_pages_alive_and_no_more() {
        let (press, shelf, latest) = (Press::new(), Shelf::new(Duration::MAX), ArcSwap::new(verdict()));
        let count = Arc::default();
        let mut read = Vec::new();
        for _ in 0..GENERATIONS + 4 {
            latest.store(verdict());
            read.push(numbered(&press, &shelf, &latest, &count).await.plain);
        }
        assert_eq!(count.load(Ordering::SeqCst), GENERATIONS, "then the last one is handed out");
        assert_eq!(read.pop().map(|page| page.as_ptr()), read.last().map(|page| page.as_ptr()));
        read.clear();
        let fresh = numbered(&press, &shelf, &latest, &count).await;
        assert_eq!(fresh.plain, GENERATIONS.to_string(), "a page was read to its end");
    }

    #[tokio::test]
    async fn few_are_printed_at_one_time_whoever_goes_away() {
        let press = Press::new();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            press.copy(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(Vec::new())
            })
        };
        for _ in 0..10 {
            // This one hangs up before its answer is there.
            tokio::time::timeout(Duration::from_millis(1), ask()).await.ok();
        }
        futures_util::future::join_all((0..10).map(|_| async { ask().await.map(drop) })).await;
        assert!((1..=AT_ONCE).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_for_one_caller_alone_are_few_and_the_next_is_told_to_come_again() {
        let press = Press::new();
        let ask = || press.copy(|| Ok(vec![0; 10]));
        let mut read = Vec::new();
        for _ in 0..COPIES {
            read.push(ask().await.expect("a place"));
        }
        assert_eq!(ask().await, Err(Refusal::busy()));
        read.pop();
        assert!(ask().await.is_ok());
    }
}
