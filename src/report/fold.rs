//! Prose in lines of a terminal's width.

/// Breaks at spaces, so that no line has more than `width` characters; a word that is longer than that stays
/// whole, for a name that is cut cannot be copied. Nothing but spaces is lost.
pub(super) fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut taken = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let long = word.chars().count();
        if taken > 0 && taken + 1 + long > width {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        }
        if taken > 0 {
            line.push(' ');
            taken += 1;
        }
        line.push_str(word);
        taken += long;
    }
    if taken > 0 {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fold;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(fold("nobody reaches the database", 14), ["nobody reaches", "the database"]);
        assert_eq!(fold("a  docker-network-disconnect b", 8), ["a", "docker-network-disconnect", "b"]);
        assert_eq!(fold("  ", 8), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_line_is_long(text in "[a-zé ]{0,80}", width in 1usize..40) {
            let lines = fold(&text, width);
            let words: Vec<&str> = text.split(' ').filter(|w| !w.is_empty()).collect();
            prop_assert_eq!(lines.join(" "), words.join(" "));
            prop_assert!(lines.iter().all(|l| l.chars().count() <= width || !l.contains(' ')));
        }
    }
}
