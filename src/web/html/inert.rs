//! Strangers' text in a page.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::strangers::{acts, escaped};

/// Writes text so that it is text: what HTML would act on as its entity, and what an eye would be misled by (marks that
/// turn the direction of writing, or have no width) made visible. Every template writes by it (`askama.toml`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Inert;

impl Escaper for Inert {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut rest = text;
        // Mostly there is none.
        while let Some(at) = rest.find(acts) {
            let (before, behind) = rest.split_at(at);
            Html.write_escaped_str(&mut dest, before)?;
            let mut chars = behind.chars();
            if let Some(c) = chars.next() {
                write!(dest, "{}", escaped(c))?;
            }
            rest = chars.as_str();
        }
        Html.write_escaped_str(&mut dest, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::strangers::printable;

    fn inert(text: &str) -> String {
        let mut out = String::new();
        Inert.write_escaped_str(&mut out, text).expect("a string takes everything");
        out
    }

    #[test]
    fn text_is_text() {
        let text = inert("<b a='x' b=\"y\">&</b>\u{202e}x\n");
        assert_eq!(text, "&#60;b a=&#39;x&#39; b=&#34;y&#34;&#62;&#38;&#60;/b&#62;\\u{202e}x\\n");
    }

    proptest! {
        #[test]
        fn nothing_in_it_is_markup_and_nothing_is_lost(text in "[<>&'\"a\u{202e}\u{200b}\n\0]{0,40}") {
            let written = inert(&text);
            let markup = ['<', '>', '\'', '"', '\u{202e}', '\n', '\0'];
            prop_assert!(!written.contains(markup), "{}", written);
            let mut read = written;
            for (entity, sign) in [("&#60;", "<"), ("&#62;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&#38;", "&")] {
                read = read.replace(entity, sign);
            }
            prop_assert_eq!(read, printable(&text));
        }
    }
}
