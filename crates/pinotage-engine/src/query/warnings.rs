//! What a person should know about an answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What a person should know about an answer, such as rows that are missing: it comes while tables are looked at and read.
/// Clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    all: BTreeSet<String>,
    new: Vec<String>,
}

impl Warnings {
    /// What was said since this was asked the last time, each text once.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).new)
    }

    /// A table that is looked at several times says the same several times.
    pub(crate) fn say(&self, text: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.all.insert(text.to_owned()) {
            said.new.push(text.to_owned());
        }
    }
}
