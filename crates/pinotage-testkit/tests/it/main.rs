//! The starters of real servers, each proven by a segment that Pinot loads and counts.
#![allow(missing_docs)]

mod modern;
