//! What names are made of, short enough for a label.
//!
//! Prometheus can be told a longest label value, and refuses the *whole* scrape for one that is longer:
//! a stranger's name must not cost everybody's series.

use std::borrow::Cow;

/// The most bytes of one part of a name.
pub const LONGEST_PART: usize = 128;
/// `~` and the hash behind a part that was cut.
const TAIL: usize = 1 + 16;

/// The text, or its beginning with a hash of the whole behind it: what is cut stays apart from what only
/// begins alike, and is the same each time.
pub fn part(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_PART {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(LONGEST_PART - TAIL);
    Cow::Owned(format!("{}~{:016x}", text.get(..end).unwrap_or_default(), fnv1a(text)))
}

/// FNV-1a: stable across versions and machines, which the standard library's hasher is not.
pub fn fnv1a(text: &str) -> u64 {
    fnv1a_of([text])
}

/// The same of texts that are one after the other.
pub fn fnv1a_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    texts.into_iter().flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_part_is_cut_and_stays_itself() {
        assert_eq!(part(&"a".repeat(128)), "a".repeat(128));
        let cut = part(&"a".repeat(129)).into_owned();
        assert_eq!(cut, format!("{}~ba20d66a82fdb40c", "a".repeat(111)));
        assert_ne!(part(&"a".repeat(130)), cut);
    }

    proptest! {
        #[test]
        fn no_part_is_long_and_none_is_anothers(stem in "\\PC{0,200}", ends in ("[a-z]{1,9}", "[a-z]{1,9}")) {
            let (one, other) = (format!("{stem}{}", ends.0), format!("{stem}{}", ends.1));
            prop_assert!(part(&one).len() <= LONGEST_PART);
            prop_assert_eq!(part(&one) == part(&other), one == other);
        }
    }
}
