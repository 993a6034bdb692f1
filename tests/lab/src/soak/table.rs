//! The rows, as they stand on the page.

use std::fmt::Write as _;

use super::judge::Row;

pub fn table(machine: &str, rows: &[Row], told: &str) -> String {
    let mut text = format!("{machine}\n\n| what | bound | seen | |\n| --- | --- | --- | --- |\n");
    for Row { what, bound, figure, holds, .. } in rows {
        let mark = if *holds { "✓" } else { "missed" };
        let _ = writeln!(text, "| {what} | {bound} | {figure} | {mark} |");
    }
    let _ = writeln!(text, "\n{told}");
    text
}
