//! A connection whose other end says everything as soon as it is asked.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives these bytes, so many at a time, to who has written something; takes everything and keeps nothing.
pub struct Said<'a> {
    bytes: &'a [u8],
    at_a_time: usize,
    asked: bool,
    waits: Option<Waker>,
}

impl<'a> Said<'a> {
    pub const fn new(bytes: &'a [u8], at_a_time: usize) -> Self {
        Self { bytes, at_a_time, asked: false, waits: None }
    }
}

impl AsyncRead for Said<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // An answer that nobody asked for yet is another fault than a wrong one.
        if !self.asked {
            self.waits = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = self.bytes.len().min(self.at_a_time).min(buffer.remaining());
        let (now, later) = self.bytes.split_at(length);
        buffer.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.asked = true;
        if let Some(waker) = self.waits.take() {
            waker.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
