//! `make picture`: the report of the demo's host, as a terminal shows it, for the README.
//!
//! `script` (util-linux) is the terminal; what it was sent becomes an SVG. Only what the report uses is understood:
//! text and the colours of SGR sequences. Anything else is an error, not a wrong picture.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use lab::{Error, Lab, Result, coolify};

/// One character's width and a line's height, in the picture's units.
const CELL: (f64, f64) = (8.4, 19.0);
const MARGIN: f64 = 16.0;
const COMMAND: &str = "destination-exporter check";

fn main() -> ExitCode {
    match draw() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("picture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw() -> Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let (Some(exporter), Some(traefik), Some(picture)) = (args.next(), args.next(), args.next()) else {
        return Err(Error::new("usage: picture EXPORTER TRAEFIK FILE.svg (make picture calls it)"));
    };
    let there = |path: PathBuf| path.canonicalize().map_err(|e| Error::io(&path.display().to_string(), e));
    let (exporter, traefik) = (there(exporter)?, there(traefik)?);
    let lab = Lab::start()?;
    coolify::deploy(&lab, &traefik)?;
    let check = format!("{} check --docker.host unix:///run/docker.sock 2>/dev/null", exporter.display());
    let mut terminal = lab.on_host("script");
    terminal.args(["-qc", &check, "/dev/null"]).env_remove("NO_COLOR").env_remove("DOCKER_HOST");
    let output = terminal.stdin(Stdio::null()).output().map_err(|e| Error::io("starting script", e))?;
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    if !text.contains("route-loopback-only") {
        return Err(Error::new(format!("that is no report of the demo's host: {text}")));
    }
    let svg = svg(text.trim_end())?;
    fs::write(&picture, svg).map_err(|e| Error::io("writing the picture", e))
}

fn svg(report: &str) -> Result<String> {
    let lines =
        std::iter::once(format!("\u{1b}[2m$\u{1b}[0m {COMMAND}")).chain(report.lines().map(str::to_owned));
    let lines: Vec<Vec<Span>> = lines.map(|line| spans(&line)).collect::<Result<_>>()?;
    let longest = lines.iter().map(|line| line.iter().map(|s| s.text.chars().count()).sum::<usize>()).max();
    let width = longest.unwrap_or(0) as f64 * CELL.0 + 2.0 * MARGIN;
    let height = lines.len() as f64 * CELL.1 + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (row, line) in lines.iter().enumerate() {
        let y = MARGIN + (row as f64 + 0.75) * CELL.1;
        let mut column = 0;
        for span in line {
            let x = MARGIN + column as f64 * CELL.0;
            let length = span.text.chars().count();
            column += length;
            if span.text.trim().is_empty() {
                continue;
            }
            // The length is given, so that columns stand below each other in whatever font there is.
            let _ = writeln!(
                svg,
                "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{:.1}\" {}>{}</text>",
                length as f64 * CELL.0,
                span.style()?,
                span.text.replace('&', "&amp;").replace('<', "&lt;"),
            );
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// Text of one look.
struct Span {
    text: String,
    /// The parameters of the SGR sequence before it.
    sgr: String,
}

impl Span {
    fn style(&self) -> Result<&'static str> {
        Ok(match &*self.sgr {
            "" | "0" => "fill=\"#d7dae0\"",
            "1" => "fill=\"#ffffff\" font-weight=\"bold\"",
            "2" => "fill=\"#8b919c\"",
            "32" => "fill=\"#7ec77b\"",
            "33" => "fill=\"#e5b454\"",
            "35" => "fill=\"#c586d8\"",
            "36" => "fill=\"#5fb8c4\"",
            "1;31" => "fill=\"#f0716c\" font-weight=\"bold\"",
            other => return Err(Error::new(format!("no colour for {other:?}"))),
        })
    }
}

fn spans(line: &str) -> Result<Vec<Span>> {
    let mut spans = Vec::new();
    let mut pieces = line.split('\u{1b}');
    spans.push(Span { text: pieces.next().unwrap_or_default().to_owned(), sgr: String::new() });
    for piece in pieces {
        let sgr = piece.strip_prefix('[').and_then(|rest| rest.split_once('m'));
        let (sgr, text) = sgr.ok_or_else(|| Error::new(format!("not a colour: {piece:?}")))?;
        spans.push(Span { text: text.to_owned(), sgr: sgr.to_owned() });
    }
    spans.retain(|span| !span.text.is_empty());
    Ok(spans)
}
