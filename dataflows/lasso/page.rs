//! A page about a run, in one file: what was asked, what came out, how it went.

use super::arguments::Arguments;
use super::data::Data;
use super::result::Run;
use super::watch::Seen;

/// The page.
pub fn html(_arguments: &Arguments, _run: &Run, _data: &Data, _points: &[Seen]) -> String {
    String::new()
}
