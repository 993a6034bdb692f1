//! What could not be read, bounded.

use crate::strangers::bounded;

/// More would tell a person nothing more.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Told(Vec<String>);

impl Told {
    pub fn tell(&mut self, text: String) {
        let text = bounded(&text).to_owned();
        if self.0.len() < MOST && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    pub fn into_oddities(self) -> Vec<String> {
        self.0
    }
}
