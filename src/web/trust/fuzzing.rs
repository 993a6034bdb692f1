//! What of this room the door of the web leads to.

use axum::http::HeaderMap;

use crate::config::Problem;
use crate::config::web::Web;

use super::Door;
use super::users::{self, Desk};

pub(in super::super) fn said(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    users::said(headers)
}

pub(in super::super) fn door(web: &Web) -> Result<(), Problem> {
    Door::build(web, &Desk::default(), &Door::default()).map(drop)
}
