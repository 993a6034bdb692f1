//! Passwords: what a caller says of itself, and whether it is true.
//!
//! A hash of bcrypt takes a tenth of a second of a processor, by design. So it is computed beside the runtime, for
//! two callers at a time; who was right once is known by a keyed hash from then on, whether or not it waited for the
//! answer, and at the next door too where that has the same users. A name that nobody has costs as much as one that
//! somebody has.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;

use crate::config::web::Secret;

/// Hashes that are computed at one time.
const AT_ONCE: usize = 2;
/// Callers that are remembered; one more, and all are forgotten.
const MOST_KNOWN: usize = 100;

/// Where hashes are computed: one for all doors, or each reload would open another.
#[derive(Clone, Debug)]
pub(super) struct Desk(Arc<Semaphore>);

impl Default for Desk {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Everyone who has a password.
#[derive(Debug)]
pub(super) struct Users {
    hashes: Vec<(String, Secret)>,
    key: hmac::Key,
    known: Known,
    desk: Desk,
}

/// Who was right, by a keyed hash.
#[derive(Clone, Debug, Default)]
struct Known(Arc<Mutex<HashSet<Vec<u8>>>>);

impl Known {
    fn all(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tag: Vec<u8>) {
        let mut known = self.all();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(tag);
    }
}

impl Users {
    /// The old ones where nothing has changed, or who was right would be forgotten. `None`: nobody has a password, so
    /// nobody is asked.
    pub(super) fn new(
        hashes: &[(String, Secret)],
        desk: &Desk,
        old: Option<&Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, String> {
        if hashes.is_empty() {
            return Ok(None);
        }
        if let Some(old) = old.filter(|old| old.hashes == hashes) {
            return Ok(Some(Arc::clone(old)));
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| "the kernel gives no random numbers".to_owned())?;
        Ok(Some(Arc::new(Self { hashes: hashes.to_vec(), key, known: Known::default(), desk: desk.clone() })))
    }

    /// Whether these headers name a user and its password.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = said(headers) else { return false };
        let tag = self.tag(&user, &password);
        if self.known.all().contains(&tag) {
            return true;
        }
        let found = self.hashes.iter().find(|(name, _)| *name == user);
        let is_one = found.is_some();
        // Where costs differ each unknown name has the cost of some known one, and always of the same.
        let Some((_, Secret(hash))) = found.or_else(|| self.stand_in(&user)) else { return false };
        let hash = hash.clone();
        let Ok(place) = self.desk.0.clone().acquire_owned().await else { return false };
        let known = self.known.clone();
        // A caller that goes away ends neither the work nor what comes of it: it is let in when it comes again.
        let verified = tokio::task::spawn_blocking(move || {
            let good = bcrypt::verify(password, &hash).is_ok_and(|verified| verified) && is_one;
            if good {
                known.add(tag);
            }
            drop(place);
            good
        });
        verified.await.is_ok_and(|good| good)
    }

    /// Of user and password together; who has no key learns nothing from how long it is compared.
    fn tag(&self, user: &str, password: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        // The length in front keeps `a` + `bc` and `ab` + `c` apart.
        context.update(&(user.len() as u64).to_le_bytes());
        context.update(user.as_bytes());
        context.update(password);
        context.sign().as_ref().to_vec()
    }

    fn stand_in(&self, user: &str) -> Option<&(String, Secret)> {
        let tag = self.tag(user, b"");
        let first = tag.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).unwrap_or_default();
        let among = u64::try_from(self.hashes.len()).ok()?;
        self.hashes.get(usize::try_from(first.checked_rem(among)?).ok()?)
    }
}

/// User and password of the one header `Authorization: Basic …`.
pub(super) fn said(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = STANDARD.decode(rest.trim()).ok()?;
    let colon = plain.iter().position(|byte| *byte == b':')?;
    let (user, password) = plain.split_at_checked(colon)?;
    Some((String::from_utf8(user.to_vec()).ok()?, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hashes(names: &[(&str, &str)], cost: u32) -> Vec<(String, Secret)> {
        let hash = |password| Secret(bcrypt::hash(password, cost).expect("hashed"));
        names.iter().map(|(name, password)| ((*name).to_owned(), hash(password))).collect()
    }

    fn users(names: &[(&str, &str)]) -> Arc<Users> {
        Users::new(&hashes(names, 4), &Desk::default(), None).expect("random").expect("somebody")
    }

    fn basic(plain: &str) -> HeaderMap {
        headers(&format!("Basic {}", STANDARD.encode(plain)))
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().expect("a value"));
        headers
    }

    #[tokio::test]
    async fn the_right_password_of_the_right_user_and_nothing_else() {
        let users = users(&[("alice", "wonder:land"), ("böb", "")]);
        for (said, good) in [
            (basic("alice:wonder:land"), true),
            (basic("alice:wonder:land"), true),
            (basic("böb:"), true),
            (basic("alice:wonder"), false),
            (basic("alice:"), false),
            (basic("Alice:wonder:land"), false),
            (basic("carol:wonder:land"), false),
            (basic("alice"), false),
            (basic(""), false),
            (headers("Basic"), false),
            (headers("Basic ####"), false),
            (headers("Bearer YWxpY2U6d29uZGVyOmxhbmQ="), false),
            (headers("bAsIc YWxpY2U6d29uZGVyOmxhbmQ="), true),
            (HeaderMap::new(), false),
        ] {
            assert_eq!(users.admit(&said).await, good, "{said:?}");
        }
        let mut twice = basic("alice:wonder:land");
        twice.append(header::AUTHORIZATION, twice["authorization"].clone());
        assert!(!users.admit(&twice).await);
    }

    #[tokio::test]
    async fn who_was_right_is_known_and_nobody_else() {
        let users = users(&[("alice", "a")]);
        for said in ["alice:a", "alice:a", "alice:b", "carol:a"] {
            users.admit(&basic(said)).await;
        }
        assert_eq!(users.known.all().len(), 1);
        // Known: no hash is computed, so no place is needed.
        let all = users.desk.0.clone().acquire_many_owned(2).await.expect("open");
        assert!(users.admit(&basic("alice:a")).await);
        drop(all);
        // Past 72 bytes bcrypt looks at nothing, so one password has many spellings: they are bounded.
        users.known.all().clear();
        for n in 0..3 * MOST_KNOWN {
            users.known.all().insert(n.to_le_bytes().to_vec());
        }
        assert!(users.admit(&basic("alice:a")).await);
        assert_eq!(users.known.all().len(), 1, "one more than is kept, and all others are forgotten");
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_costs_a_hash() {
        let users = users(&[("alice", "a")]);
        let all = users.desk.0.clone().acquire_many_owned(2).await.expect("open");
        let asked = basic("nobody:a");
        let wait = users.admit(&asked);
        assert!(tokio::time::timeout(Duration::from_millis(50), wait).await.is_err(), "it waits");
        drop(all);
        assert!(!users.admit(&asked).await);
    }

    #[tokio::test]
    async fn who_was_right_and_did_not_wait_is_known_and_who_was_wrong_is_not() {
        let hashes = hashes(&[("alice", "a")], 8);
        let users = Users::new(&hashes, &Desk::default(), None).expect("random").expect("somebody");
        for (said, known) in [("alice:b", 0), ("carol:a", 0), ("alice:a", 1)] {
            let asked = basic(said);
            let wait = users.admit(&asked);
            assert!(tokio::time::timeout(Duration::ZERO, wait).await.is_err(), "it goes away");
            // Both places are free when its hash is done.
            drop(users.desk.0.clone().acquire_many_owned(2).await.expect("open"));
            assert_eq!(users.known.all().len(), known, "{said}");
        }
        let all = users.desk.0.clone().acquire_many_owned(2).await.expect("open");
        assert!(users.admit(&basic("alice:a")).await);
        drop(all);
    }

    #[test]
    fn the_same_users_at_another_door_are_the_same() {
        let desk = Desk::default();
        let (one, other) = (hashes(&[("alice", "a")], 4), hashes(&[("alice", "a")], 4));
        let new = |hashes: &[(String, Secret)], old| Users::new(hashes, &desk, old).expect("random");
        let first = new(&one, None).expect("somebody");
        assert!(Arc::ptr_eq(&first, &new(&one, Some(&first)).expect("somebody")));
        // Who was right by another hash was right by that alone.
        assert!(!Arc::ptr_eq(&first, &new(&other, Some(&first)).expect("somebody")));
        assert!(new(&[], Some(&first)).is_none());
    }
}
