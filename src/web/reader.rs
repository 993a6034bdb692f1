//! A connection to a caller who must read what it asked for.
//!
//! An answer stands in memory until it is read. A caller that takes nothing of it, or a byte now and
//! then, is cut off: with a reset, so that the kernel's own buffer is given back too.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// The connection.
#[derive(Debug)]
pub(super) struct Reader {
    stream: TcpStream,
    /// The longest time in which nothing is taken.
    stall: Duration,
    /// The longest time that the whole of an answer may take, once it does not go at once.
    answer: Duration,
    waiting: Option<Waiting>,
}

/// There is more to write than the caller takes.
#[derive(Debug)]
struct Waiting {
    /// When the answer must be gone.
    until: Instant,
    /// When the caller must have taken something, at the latest.
    timer: Pin<Box<Sleep>>,
}

impl Reader {
    pub(super) const fn new(stream: TcpStream, stall: Duration, answer: Duration) -> Self {
        Self { stream, stall, answer, waiting: None }
    }

    /// What became of a write of `offered` bytes.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        match wrote {
            Poll::Ready(Ok(taken)) if taken < offered => {
                let until = self.waiting.as_ref().map_or(now + self.answer, |waiting| waiting.until);
                let timer = Box::pin(sleep_until(until.min(now + self.stall)));
                self.waiting = Some(Waiting { until, timer });
            }
            Poll::Ready(_) => self.waiting = None,
            Poll::Pending => {
                let (stall, answer) = (self.stall, self.answer);
                let waiting = self.waiting.get_or_insert_with(|| Waiting {
                    until: now + answer,
                    timer: Box::pin(sleep_until(now + answer.min(stall))),
                });
                ready!(waiting.timer.as_mut().poll(cx));
                // Where this is refused the kernel gives up by its own clock.
                self.stream.set_zero_linger().ok();
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read")));
            }
        }
        wrote
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Reader {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, from);
        self.wrote(cx, from.len(), wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = from.iter().map(|slice| slice.len()).sum();
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.wrote(cx, offered, wrote)
    }

    // Without this the whole answer would be copied once more for each caller.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
