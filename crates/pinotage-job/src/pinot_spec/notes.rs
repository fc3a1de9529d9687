//! What a person is told about a job spec before it runs.

/// The notes, in the order of their discovery.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<String>);

impl Notes {
    /// A field that changes nothing here.
    pub(super) fn no_effect(&mut self, field: &str, why: &str) {
        self.0.push(format!("`{field}` has no effect: {why}"));
    }

    /// Anything else.
    pub(super) fn add(&mut self, note: impl Into<String>) {
        self.0.push(note.into());
    }
}
