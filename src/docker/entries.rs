//! A list taken apart into its entries as it comes, so that a long one takes no more memory than its longest entry.
//!
//! Nothing is known here but JSON's own grammar (RFC 8259); whether an entry is good JSON is for who reads it to say.

use serde::de::Error as _;

/// Reads a list in pieces of whatever size.
#[derive(Debug)]
pub(super) struct Entries {
    /// An entry may be so long; of a longer one nothing is kept.
    most: usize,
    /// What the first byte says; `None` before it.
    is_list: Option<bool>,
    depth: usize,
    in_text: bool,
    /// The next byte of a text is part of an escape.
    escaped: bool,
    entry: Vec<u8>,
    is_too_long: bool,
    /// Some were too long.
    left_out: bool,
}

/// Within the list's own brackets.
const BETWEEN_ENTRIES: usize = 1;

impl Entries {
    /// Of a list whose entries may be so long.
    pub(super) const fn of(most: usize) -> Self {
        Self {
            most,
            is_list: None,
            depth: 0,
            in_text: false,
            escaped: false,
            entry: Vec::new(),
            is_too_long: false,
            left_out: false,
        }
    }

    /// Gives each entry that ends in these bytes.
    ///
    /// # Errors
    /// Where it is no list.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), serde_json::Error> {
        if self.is_list.is_none()
            && let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            // Go writes `null` for a list that was never filled.
            self.is_list = Some(matches!(first, b'[' | b'n'));
        }
        if self.is_list == Some(false) {
            return Err(serde_json::Error::custom("no list"));
        }
        // Where the part of the entry that is in these bytes begins.
        let mut from = 0;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.in_text && !std::mem::take(&mut self.escaped) {
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(end) = memchr::memchr2(b'"', b'\\', rest) else { break };
                at += end;
                self.escaped = rest.get(end) == Some(&b'\\');
                self.in_text = self.escaped;
            } else if !self.in_text {
                match byte {
                    b'"' => self.in_text = true,
                    b'{' | b'[' => {
                        if self.depth == BETWEEN_ENTRIES {
                            from = at;
                        }
                        self.depth += 1;
                    }
                    b'}' | b']' => {
                        let was_in_one = self.depth > BETWEEN_ENTRIES;
                        self.depth = self.depth.saturating_sub(1);
                        if was_in_one && self.depth == BETWEEN_ENTRIES {
                            self.keep(bytes.get(from..=at).unwrap_or_default());
                            self.end(&mut each);
                        }
                    }
                    _ => {}
                }
            }
            at += 1;
        }
        if self.depth > BETWEEN_ENTRIES {
            self.keep(bytes.get(from..).unwrap_or_default());
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.entry.len() + bytes.len() > self.most;
        if self.is_too_long {
            self.entry = Vec::new();
        } else {
            self.entry.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.is_too_long) {
            self.left_out = true;
        } else {
            each(&self.entry);
        }
        self.entry.clear();
    }

    /// Whether every entry was given.
    ///
    /// # Errors
    /// Where it has not come to its end.
    pub(super) fn is_whole(&self) -> Result<bool, serde_json::Error> {
        if self.is_list.is_none() || self.depth > 0 || self.in_text {
            return Err(serde_json::Error::custom("it ends in the middle"));
        }
        Ok(!self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    type Read = Result<(Vec<Value>, bool), String>;

    fn read(text: &[u8], piece: usize, most: usize) -> Read {
        let (mut entries, mut all) = (Entries::of(most), Vec::new());
        for piece in text.chunks(piece) {
            let take = |entry: &[u8]| all.push(serde_json::from_slice(entry).expect("an entry"));
            entries.pass(piece, take).map_err(|error| error.to_string())?;
        }
        Ok((all, entries.is_whole().map_err(|error| error.to_string())?))
    }

    #[test]
    fn what_is_no_list_or_has_no_end_is_refused() {
        for (text, expected) in [
            ("[]", Ok(0)),
            (" null\n", Ok(0)),
            (r#"[{"a":"}]\"{"},{}]"#, Ok(2)),
            ("[1, null, \"{\", [{}]]", Ok(1)),
            ("", Err("it ends in the middle")),
            ("[{}", Err("it ends in the middle")),
            (r#"[{"a":"b"#, Err("it ends in the middle")),
            ("{\"message\":\"no\"}", Err("no list")),
            ("<html>", Err("no list")),
        ] {
            for piece in 1..9 {
                let all = read(text.as_bytes(), piece, 100).map(|(all, _)| all.len());
                assert_eq!(all, expected.map_err(str::to_owned), "{text}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_left_out_and_its_neighbours_are_not() {
        let long = json!([{"n": 1}, {"long": "x".repeat(90)}, {"n": 2}]).to_string();
        let expected = (vec![json!({"n": 1}), json!({"n": 2})], false);
        for piece in [1, 7, 1000] {
            assert_eq!(read(long.as_bytes(), piece, 64), Ok(expected.clone()));
        }
        let mut entries = Entries::of(64);
        entries.pass(b"[{\"", |_| {}).unwrap();
        for _ in 0..1000 {
            entries.pass(&[b'x'; 1000], |_| {}).unwrap();
            assert!(entries.entry.capacity() <= 64);
        }
    }

    fn entry() -> impl Strategy<Value = Value> {
        let text = "[{}\\[\\]\",:\\\\ a\n\u{e9}]{0,8}";
        let leaf =
            prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), text.prop_map(Value::from)];
        let value = leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                hash_map(text, inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        });
        hash_map(text, value, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn every_entry_is_given_whatever_is_in_it(
            all in vec(entry(), 0..6),
            pretty in any::<bool>(),
            piece in 1..9_usize,
        ) {
            let text = if pretty { serde_json::to_vec_pretty(&all) } else { serde_json::to_vec(&all) }.unwrap();
            prop_assert_eq!(read(&text, piece, 1 << 20), Ok((all, true)));
        }

        #[test]
        fn bytes_of_any_kind_are_read_to_their_end(bytes in vec(any::<u8>(), 0..200), piece in 1..9_usize) {
            let mut entries = Entries::of(32);
            for piece in bytes.chunks(piece) {
                if entries.pass(piece, |entry| assert!(entry.len() <= 32)).is_err() {
                    break;
                }
            }
        }
    }
}
