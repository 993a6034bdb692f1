//! A listing with what is too long in it left out, so that what one stranger wrote costs no other container
//! its place.
//!
//! Nothing is known here but JSON's own grammar (RFC 8259): a listing is a list of objects, and each field of
//! such an object may be so large. What is passed on is JSON again: a text ends sooner, and so does a list or
//! an object within a field.

/// Bytes of a text: longer is no name, no address and no rule of a proxy.
const TEXT: usize = 16 << 10;
/// Bytes of one field of an entry: all of its labels, say.
const FIELD: usize = 128 << 10;
/// Values that a field holds.
const VALUES: usize = 1000;

/// How deep a comma stands that parts two entries: `[{},{}]`.
const BETWEEN_ENTRIES: usize = 1;
/// And one that parts two fields of an entry: `[{"Id":"","Labels":{}}]`.
const BETWEEN_FIELDS: usize = 2;

/// Reads a listing in pieces of whatever size.
#[derive(Debug, Default)]
pub(super) struct Cut {
    depth: usize,
    text: Option<Text>,
    /// Everything at this depth and deeper is left out, until it is closed.
    left_out: Option<usize>,
    /// What was kept of the field that is read.
    bytes: usize,
    values: usize,
    entry: usize,
    /// The numbers of the entries that lost something, ascending.
    shortened: Vec<usize>,
}

/// Between its quotes.
#[derive(Debug, Default)]
struct Text {
    bytes: usize,
    /// How much of an escape is still to come: `n` of `\n`, or `u00e4`.
    of_escape: usize,
    is_cut: bool,
}

impl Cut {
    /// The entries that lost something, counted from 0.
    pub(super) fn shortened(&self) -> &[usize] {
        &self.shortened
    }

    /// Appends to `kept` what of `bytes` is passed on.
    pub(super) fn pass(&mut self, bytes: &[u8], kept: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            // What is left out of a text may be megabytes: only where it ends is looked for.
            if self.text.as_ref().is_some_and(|text| text.is_cut && text.of_escape == 0) {
                let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                if end > 0 {
                    rest = rest.get(end..).unwrap_or_default();
                    continue;
                }
            }
            if self.is_kept(*first) {
                self.bytes += 1;
                kept.push(*first);
            }
            rest = after;
        }
    }

    fn is_kept(&mut self, byte: u8) -> bool {
        let is_kept = if self.text.is_some() { self.in_text(byte) } else { self.between_texts(byte) };
        is_kept && self.left_out.is_none()
    }

    fn in_text(&mut self, byte: u8) -> bool {
        let Some(text) = &mut self.text else { return true };
        if text.of_escape == 0 && byte == b'"' {
            self.text = None;
            return true;
        }
        // Neither a character nor an escape is cut in two.
        let may_end = text.of_escape == 0 && byte & 0xC0 != 0x80;
        text.bytes += 1;
        text.of_escape = match (text.of_escape, byte) {
            (0, b'\\') => 1,
            // Four digits follow, and none of them is a `u`.
            (1, b'u') => 4,
            (left, _) => left.saturating_sub(1),
        };
        if !text.is_cut && may_end && text.bytes > TEXT {
            text.is_cut = true;
            self.shortens();
            return false;
        }
        !text.is_cut
    }

    fn between_texts(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => self.text = Some(Text::default()),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.left_out = self.left_out.filter(|from| *from <= self.depth);
            }
            b',' => self.next_value(),
            _ => {}
        }
        true
    }

    fn next_value(&mut self) {
        match self.depth {
            0..=BETWEEN_FIELDS => {
                self.entry += usize::from(self.depth == BETWEEN_ENTRIES);
                (self.bytes, self.values) = (0, 0);
            }
            depth => {
                self.values += 1;
                if self.left_out.is_none() && (self.values >= VALUES || self.bytes > FIELD) {
                    self.left_out = Some(depth);
                    self.shortens();
                }
            }
        }
    }

    fn shortens(&mut self) {
        if self.shortened.last() != Some(&self.entry) {
            self.shortened.push(self.entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn cut(listing: &[u8], piece: usize) -> (Vec<u8>, Vec<usize>) {
        let (mut cut, mut kept) = (Cut::default(), Vec::new());
        listing.chunks(piece).for_each(|piece| cut.pass(piece, &mut kept));
        (kept, cut.shortened().to_vec())
    }

    fn of(listing: &Value) -> (Value, Vec<usize>) {
        let (kept, shortened) = cut(listing.to_string().as_bytes(), 1000);
        (serde_json::from_slice(&kept).expect("JSON"), shortened)
    }

    #[test]
    fn a_text_ends_where_it_becomes_too_long() {
        let (kept, shortened) = of(&json!([
            {"Id": "a", "Command": "x".repeat(5_000_000), "State": "running"},
            {"Id": "b", "Labels": {"of": "x".repeat(TEXT), "more": "x".repeat(TEXT + 1), "last": ""}},
            {"Id": "c"},
        ]));
        assert_eq!(
            kept,
            json!([
                {"Id": "a", "Command": "x".repeat(TEXT), "State": "running"},
                {"Id": "b", "Labels": {"of": "x".repeat(TEXT), "more": "x".repeat(TEXT), "last": ""}},
                {"Id": "c"},
            ])
        );
        assert_eq!(shortened, [0, 1]);
    }

    #[test]
    fn neither_a_character_nor_an_escape_is_cut_in_two() {
        for sign in ["ä", "🦀", r"\n", r"\\", r#"\""#, r"\u00e4"] {
            for before in 0..9 {
                let text = format!("{}{}", "x".repeat(TEXT - before), sign.repeat(9));
                let (kept, shortened) = cut(format!(r#"[{{"Id":"{text}","Names":[]}}]"#).as_bytes(), 7);
                let kept: Value = serde_json::from_slice(&kept).expect("JSON");
                assert_eq!(kept[0]["Names"], json!([]), "{sign} after {before}");
                assert_eq!(shortened, [0], "{sign} after {before}");
            }
        }
    }

    #[test]
    fn a_field_has_so_many_values_and_so_many_bytes_and_the_next_is_whole() {
        let many: Vec<u32> = (0..100_000).collect();
        let labels: serde_json::Map<_, _> =
            (0..100).map(|n| (format!("l{n:02}"), json!({"a": ["x".repeat(3000), n]}))).collect();
        let (kept, shortened) =
            of(&json!([{}, {"Ports": many, "Labels": labels, "Networks": {"a": [1], "b": [2, {}]}}]));
        assert_eq!(kept[1]["Ports"].as_array().map(Vec::len), Some(VALUES));
        let labels = kept[1]["Labels"].as_object().expect("labels");
        assert!((40..=44).contains(&labels.len()), "{}", labels.len());
        assert_eq!(labels["l10"], json!({"a": ["x".repeat(3000), 10]}));
        assert_eq!(kept[1]["Networks"], json!({"a": [1], "b": [2, {}]}));
        assert_eq!(shortened, [1]);
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = "[{}\\[\\]\",:\\\\ aä\n]{0,8}";
        let leaf =
            prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), text.prop_map(Value::from)];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                hash_map(text, inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_of_a_common_size_is_passed_on_as_it_is(value in value(), pretty in any::<bool>(), piece in 1..9_usize) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            prop_assert_eq!(cut(&text, piece), (text, Vec::new()));
        }

        /// Whatever is in the fields, and however often it comes.
        #[test]
        fn what_is_passed_on_is_json_of_a_bounded_size(values in vec(value(), 1..4), times in 1..3000_usize) {
            let field: Vec<_> = values.iter().cycle().take(times * values.len()).collect();
            let (kept, _) = cut(json!([{"Labels": field, "Id": "a"}, {"Id": "b"}]).to_string().as_bytes(), 4096);
            prop_assert!(kept.len() < FIELD + TEXT + 1000, "{}", kept.len());
            let kept: Value = serde_json::from_slice(&kept).unwrap();
            prop_assert_eq!(&kept[0]["Id"], "a");
            prop_assert_eq!(&kept[1], &json!({"Id": "b"}));
        }
    }
}
