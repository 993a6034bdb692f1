//! A door for the crate `fuzz`.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri};

use crate::config::Problem;
use crate::config::web::Web;
use crate::diagnosis::Verdict;

use super::trust::fuzzing as trust;
use super::{admission, html};

/// User and password of the header `Authorization`.
pub fn said(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    trust::said(headers)
}

/// Whether a caller may set something in motion.
pub fn may_act(caller: IpAddr, uri: &Uri, headers: &HeaderMap, remote: bool) -> bool {
    admission::may_act(caller, uri, headers, remote).is_ok()
}

/// What is in force by such a file; the files that it names are read.
///
/// # Errors
/// What is wrong with it.
pub fn door(web: &Web) -> Result<(), Problem> {
    trust::door(web)
}

/// Every page of a verdict, without our own style and script; none where one could not be made.
pub fn pages(verdict: &Verdict) -> Option<Vec<String>> {
    html::all(verdict)
}
