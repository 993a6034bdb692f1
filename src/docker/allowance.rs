//! How much of an answer is read.
//!
//! The client reads an answer whole before it looks at it, and whoever answers decides how long that is.
//! So the connection itself stops where the allowance ends. Bytes alone would bound nothing: three of
//! them, `{},`, become a struct of most of a KiB. Each byte is therefore counted as the memory that it may
//! come to fill.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A sign of life, or who answers: a KiB or two. What answers wrongly adds a page of HTML.
pub(super) const WORD: usize = 1 << 20;
/// One container, or one line of the events, which repeats its labels: some 60 KiB as it is counted here.
/// Its labels and its environment are a stranger's, and a dozen are read at once.
pub(super) const ONE: usize = 4 << 20;
/// All containers, or all networks: with the labels of two proxies, of Compose and of its image on it a row
/// is some 24 KiB as it is counted here, so that these are two thousand: more than a server bears.
pub(super) const LISTING: usize = 48 << 20;
/// A listing that is cut short as it is read ([`super::cut`]): what is left of it has the allowance of one, and of
/// what comes nothing else is kept. So these are bytes, and bound the time.
pub(super) const CUT_SHORT: usize = 128 << 20;

/// An object becomes a struct of the client's. The largest that a list is made of has 752 bytes, most of the others
/// far less.
const STRUCT: usize = 512;
/// `,` parts two values, which have 32 bytes where nothing is known of them, and words about them where they
/// are odd; a line's end parts two pieces of an answer, and each is held by its own handle.
const VALUE: usize = 64;

/// What may be read. Clones are of one and the same.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    most: usize,
    /// A byte is a byte, whatever it may come to fill.
    is_of_bytes: bool,
    taken: Arc<AtomicUsize>,
}

/// The answer goes on where the allowance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is too large: read to its end, it would take more than {} MiB", .most >> 20)]
pub(super) struct TooLarge {
    most: usize,
}

impl Allowance {
    pub(super) fn of(most: usize) -> Self {
        Self { most, is_of_bytes: false, taken: Arc::default() }
    }

    /// For who keeps nothing of what he reads.
    pub(super) fn of_bytes(most: usize) -> Self {
        Self { is_of_bytes: true, ..Self::of(most) }
    }

    fn take(&self, weight: usize) -> Result<(), TooLarge> {
        self.taken.fetch_add(weight, Ordering::Relaxed);
        self.exceeded().map_or(Ok(()), Err)
    }

    /// What was read so far is done with. What ended stays ended.
    pub(super) fn renew(&self) {
        let unless_ended = |taken| (taken <= self.most).then_some(0);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, unless_ended).ok();
    }

    /// Where it was the end of the answer: the client does not always say why it ended.
    pub(super) fn exceeded(&self) -> Option<TooLarge> {
        (self.taken.load(Ordering::Relaxed) > self.most).then_some(TooLarge { most: self.most })
    }
}

/// Counts bytes as they come, in pieces of whatever size.
///
/// Braces are also what health checks print, thousands of them. In a text they look otherwise: an object
/// stands where a value may begin, and `"` or `}` follows its brace, which in a text is `\"`. Between any
/// two bytes of an answer may be the framing of HTTP, which begins and ends with a line's end.
#[derive(Clone, Copy, Debug, Default)]
struct Scales {
    previous: u8,
    /// A brace was read that may begin an object, and space at most since.
    is_open: bool,
}

impl Scales {
    fn weigh(&mut self, bytes: &[u8]) -> usize {
        bytes.iter().map(|byte| self.weight(*byte)).sum()
    }

    fn weight(&mut self, byte: u8) -> usize {
        let is_object = self.is_open && matches!(byte, b'"' | b'}' | b'\r' | b'\n');
        let may_begin = matches!(self.previous, b'[' | b',' | b':' | 0..=b' ');
        self.is_open = match byte {
            b'{' => may_begin,
            b' ' | b'\t' => self.is_open,
            _ => false,
        };
        self.previous = byte;
        let is_end_of_value = matches!(byte, b',' | b'\n');
        1 + if is_object { STRUCT } else { 0 } + if is_end_of_value { VALUE } else { 0 }
    }
}

/// An allowance, and what is read on it.
#[derive(Debug)]
pub(super) struct Counted {
    allowance: Allowance,
    scales: Scales,
}

impl Counted {
    pub(super) fn new(allowance: Allowance) -> Self {
        Self { allowance, scales: Scales::default() }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let weight = if self.allowance.is_of_bytes { bytes.len() } else { self.scales.weigh(bytes) };
        self.allowance.take(weight)
    }
}

/// A connection that is read as far as its allowance goes.
#[derive(Debug)]
pub(super) struct Bounded<S> {
    stream: S,
    counted: Counted,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, counted: Counted::new(allowance) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        let read = into.filled().get(before..).unwrap_or_default();
        let taken = this.counted.take(read).map_err(io::Error::other);
        if taken.is_err() {
            // With an error nothing is read.
            into.set_filled(before);
        }
        Poll::Ready(taken)
    }
}

/// As it is: what is written is ours.
impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, repeat};

    use super::*;

    #[tokio::test]
    async fn what_never_ends_is_read_as_far_as_the_allowance_goes() {
        let mut bounded = Bounded::new(repeat(b'x'), Allowance::of(ONE));
        let mut read = Vec::new();
        let error = bounded.read_to_end(&mut read).await.unwrap_err();
        assert!(error.get_ref().is_some_and(|why| why.is::<TooLarge>()), "{error:?}");
        assert!(error.to_string().ends_with("more than 4 MiB"), "{error}");
        assert!((ONE..=2 * ONE).contains(&read.capacity()), "{}", read.capacity());
    }

    #[tokio::test]
    async fn what_ends_in_time_is_read_whole() {
        let answer = vec![b'x'; ONE];
        let mut read = Vec::new();
        Bounded::new(&*answer, Allowance::of(ONE)).read_to_end(&mut read).await.unwrap();
        assert_eq!(read, answer);
    }

    #[test]
    fn a_byte_is_counted_as_what_it_may_become() {
        for (text, objects, values) in [
            (r#""a word":1"#, 0, 0),
            ("{},", 1, 1),
            ("1\r\nx\r\n", 0, 2),
            (r#"[{"a":{ "b":[{ } ]}}]"#, 3, 0),
            // What a health check prints, as it stands in an inspection.
            (r#"["{{{{{{"]"#, 0, 0),
            (r#"["{}{}{}"]"#, 0, 0),
            (r#"["{\"status\":\"UP\",\"of\":[{\"name\":\"db\"}]}"]"#, 0, 1),
        ] {
            let expected = text.len() + objects * STRUCT + values * VALUE;
            assert_eq!(Scales::default().weigh(text.as_bytes()), expected, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let text = "[{}\\[\\]\",:\\\\ a\n]{0,8}";
        let leaf = prop_oneof![Just(Value::Null), text.prop_map(Value::from)];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                hash_map(text, inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn objects(value: &Value) -> usize {
        match value {
            Value::Array(all) => all.iter().map(objects).sum(),
            Value::Object(fields) => 1 + fields.values().map(objects).sum::<usize>(),
            _ => 0,
        }
    }

    proptest! {
        /// In one chunk of HTTP or in many, in one line or in many, read at once or byte by byte.
        #[test]
        fn no_object_is_missed(value in json(), pretty in any::<bool>(), chunk in 1..9_usize, piece in 1..9_usize) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let framed: Vec<u8> =
                text.chunks(chunk).flat_map(|c| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat()).collect();
            for answer in [text, framed] {
                let mut scales = Scales::default();
                let weight: usize = answer.chunks(piece).map(|piece| scales.weigh(piece)).sum();
                prop_assert!(weight >= answer.len() + objects(&value) * STRUCT);
                prop_assert_eq!(weight, Scales::default().weigh(&answer));
            }
        }
    }

    #[test]
    fn an_allowance_that_is_renewed_is_whole_again_but_not_after_its_end() {
        let allowance = Allowance::of(10);
        let reader = allowance.clone();
        for _ in 0..3 {
            assert_eq!(reader.take(10), Ok(()));
            allowance.renew();
        }
        reader.take(10).unwrap();
        assert_eq!(reader.take(1), Err(TooLarge { most: 10 }));
        allowance.renew();
        assert!(allowance.exceeded().is_some());
    }
}
