//! What a visitor of a site gets at a lab's host: the judge of a fault who knows nothing of the exporter.

use std::path::Path;
use std::process::Stdio;

use crate::Lab;
use crate::error::{Error, Result, output_of};

/// `curl` on the lab's host, which calls every domain by its loopback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// Of the answer; 0 without one.
    pub status: u16,
    /// Where the answer leads on to.
    pub location: String,
    pub body: String,
    /// What curl said where it gave up.
    pub error: String,
}

impl Visit {
    /// To this URL, for `patience` seconds at the most; without a file of authorities, any certificate is taken.
    pub fn to(lab: &Lab, url: &str, authorities: Option<&Path>, patience: u32) -> Result<Self> {
        let domain = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next());
        let domain = domain.ok_or_else(|| Error::new(format!("{url} is no URL")))?;
        let mut curl = lab.on_host("curl");
        // No settings and no proxy of whoever runs the tests; the first must be the first.
        curl.args(["--disable", "--noproxy", "*"]);
        curl.args(["--silent", "--show-error", "--max-time", &patience.to_string()]);
        // An answer without an end fills no memory.
        curl.args(["--limit-rate", "1M"]);
        for port in [80, 443] {
            curl.args(["--resolve", &format!("{domain}:{port}:127.0.0.1")]);
        }
        match authorities {
            Some(file) => curl.arg("--cacert").arg(file),
            None => curl.arg("--insecure"),
        };
        curl.args(["--write-out", "\n%{http_code} %{redirect_url}", url]).stdin(Stdio::null());
        let output = output_of(&mut curl)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (body, last) = text.rsplit_once('\n').ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            Error::new(format!("curl did not run (it is installed by: make deps): {said}"))
        })?;
        let (status, location) = last.split_once(' ').unwrap_or((last, ""));
        Ok(Self {
            status: status.parse().unwrap_or(0),
            location: location.to_owned(),
            body: body.to_owned(),
            error: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
