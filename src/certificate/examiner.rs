//! Reads each chain once: servers present the same ones again and again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ring::digest::{Context, SHA256};
use rustls::pki_types::TrustAnchor;

use super::trust::Chain;
use super::{Certificate, Fingerprint, Link, MOST_BYTES, MOST_CERTIFICATES, Moment, Paper, Read, Roots};

/// The most chains that are remembered; who has more pays for reading them again.
const MOST_CHAINS: usize = 512;
/// The most bytes that all of them may take, about: strangers choose how many names a certificate has.
const MOST_WEIGHT: usize = 1024 * 1024;

/// Reads and judges chains, and remembers them. Who has other roots makes another one.
pub struct Examiner {
    roots: Roots,
    anchors: Cow<'static, [TrustAnchor<'static>]>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    chains: HashMap<[u8; 32], Entry>,
    weight: usize,
    /// Counts what was asked, so that what nobody asks for any more is forgotten first.
    clock: u64,
}

struct Entry {
    certificate: Arc<Certificate>,
    /// From the first of these moments to before the second, trust stays as it is.
    steady: (Moment, Moment),
    weight: usize,
    used: u64,
}

impl Examiner {
    /// With these roots beside the public ones.
    pub fn new(roots: Roots) -> Self {
        let anchors = roots.anchors();
        Self { roots, anchors, known: Mutex::default() }
    }

    /// The roots that it was made with.
    pub const fn roots(&self) -> &Roots {
        &self.roots
    }

    /// What these certificates are at a moment, the end entity first; `None` where there is none.
    pub fn read(&self, chain: &[&[u8]], now: SystemTime) -> Option<Arc<Certificate>> {
        let first = *chain.first()?;
        let (now, key) = (Moment::of(now), key(chain));
        if let Some(certificate) = self.known().get(&key, now) {
            return Some(certificate);
        }
        // Without the lock: others need not wait for a signature to be checked.
        let (read, steady) = self.examine(first, chain, now);
        let certificate =
            Arc::new(Certificate { fingerprint: Fingerprint::of(first), presented: chain.len(), read });
        self.known().keep(key, Arc::clone(&certificate), steady);
        Some(certificate)
    }

    fn examine(
        &self,
        first: &[u8],
        chain: &[&[u8]],
        now: Moment,
    ) -> (Result<Read, String>, (Moment, Moment)) {
        let always = (Moment(i64::MIN), Moment(i64::MAX));
        let (paper, ends) = match Paper::read_with_ends(first) {
            Ok(read) => read,
            Err(why) => return (Err(why), always),
        };
        let der = chain.get(..MOST_CERTIFICATES).unwrap_or(chain);
        let behind: Vec<_> = der
            .iter()
            .skip(1)
            .map(|der| match Paper::read_with_ends(der) {
                Ok((paper, ends)) => {
                    let subject = paper.title().into();
                    (Link::Of { subject, not_after: paper.not_after }, Some((paper, ends)))
                }
                Err(why) => (Link::Broken(why), None),
            })
            .collect();
        let at = within(&paper, now);
        let trust = Chain { der, first: &paper, ends, behind: &behind }.trust(&self.roots, &self.anchors, at);
        let steady = steady(behind.iter().filter_map(|(_, read)| read.as_ref()).map(|(paper, _)| paper), at);
        let behind = behind.into_iter().map(|(link, _)| link).collect();
        (Ok(Read { paper, behind, trust }), steady)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Examiner {
    fn default() -> Self {
        Self::new(Roots::default())
    }
}

impl fmt::Debug for Examiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examiner").field("own_roots", &self.roots.len()).finish_non_exhaustive()
    }
}

impl Known {
    fn get(&mut self, key: &[u8; 32], now: Moment) -> Option<Arc<Certificate>> {
        self.clock += 1;
        let entry = self.chains.get_mut(key)?;
        let at = entry.certificate.read.as_ref().map_or(now, |read| within(&read.paper, now));
        let (from, to) = entry.steady;
        if at < from || at >= to {
            return None;
        }
        entry.used = self.clock;
        Some(Arc::clone(&entry.certificate))
    }

    fn keep(&mut self, key: [u8; 32], certificate: Arc<Certificate>, steady: (Moment, Moment)) {
        let weight = certificate.weight();
        let entry = Entry { certificate, steady, weight, used: self.clock };
        self.weight += weight;
        if let Some(old) = self.chains.insert(key, entry) {
            self.weight = self.weight.saturating_sub(old.weight);
        }
        while self.chains.len() > MOST_CHAINS || self.weight > MOST_WEIGHT {
            let oldest = self.chains.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            let Some(gone) = oldest.and_then(|key| self.chains.remove(&key)) else { return };
            self.weight = self.weight.saturating_sub(gone.weight);
        }
    }
}

impl Certificate {
    /// Its bytes in memory, about.
    fn weight(&self) -> usize {
        let read = self.read.as_ref().map_or_else(String::len, |read| {
            let links = read.behind.iter().map(|link| match link {
                Link::Of { subject, .. } => subject.len(),
                Link::Broken(why) => why.len(),
            });
            read.paper.weight() + links.sum::<usize>() + read.behind.len() * size_of::<Link>()
        });
        size_of::<Self>() + size_of::<Entry>() + read
    }
}

/// The moment of this certificate's time that is nearest.
fn within(paper: &Paper, now: Moment) -> Moment {
    now.min(paper.not_after).max(paper.not_before)
}

/// Around a moment: nothing begins or ends in between.
fn steady<'p>(papers: impl Iterator<Item = &'p Paper>, at: Moment) -> (Moment, Moment) {
    let mut steady = (Moment(i64::MIN), Moment(i64::MAX));
    // The last second still counts.
    for turn in papers.flat_map(|paper| [paper.not_before, Moment(paper.not_after.0.saturating_add(1))]) {
        if turn <= at {
            steady.0 = steady.0.max(turn);
        } else {
            steady.1 = steady.1.min(turn);
        }
    }
    steady
}

/// The digest of a whole chain. Of certificates that are too large no more is looked at than is read, and their length.
fn key(chain: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&chain.len().to_be_bytes());
    for der in chain.iter().take(MOST_CERTIFICATES) {
        context.update(&der.len().to_be_bytes());
        context.update(der.get(..MOST_BYTES).unwrap_or(der));
    }
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
impl Examiner {
    /// How many chains are remembered, and what they weigh.
    pub(super) fn remembered(&self) -> (usize, usize) {
        let known = self.known();
        (known.chains.len(), known.weight)
    }
}
