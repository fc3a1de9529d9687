//! A progress bar on a terminal, nothing in a pipe.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use pinotage_common::ByteSize;
use pinotage_engine::{Observer, PushObserver};

/// Shows rows, bytes, rate and the time left.
#[derive(Default)]
pub(crate) struct Progress {
    bar: OnceLock<ProgressBar>,
    rows: AtomicU64,
    uploads: OnceLock<ProgressBar>,
    stored: AtomicU64,
}

impl Observer for Progress {
    fn started(&self, inputs: usize, bytes: u64) {
        if inputs == 0 {
            return;
        }
        // Draws on stderr, and only when that is a terminal.
        let bar = ProgressBar::new(bytes);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {msg} {eta} left")
        {
            bar.set_style(style);
        }
        let _ = self.bar.set(bar);
    }

    fn advanced(&self, rows: u64, bytes: u64) {
        let total = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if let Some(bar) = self.bar.get() {
            bar.inc(bytes);
            bar.set_message(format!("{total} rows"));
        }
    }
}

impl PushObserver for Progress {
    fn warning(&self, text: &str) {
        self.finish();
        eprintln!("warning: {text}");
    }

    fn pushing(&self, segments: usize) {
        self.finish();
        let bar = ProgressBar::new(segments as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} segments pushed {msg} {eta} left") {
            bar.set_style(style);
        }
        let _ = self.uploads.set(bar);
    }

    fn pushed(&self, _bytes: ByteSize) {
        if let Some(bar) = self.uploads.get() {
            bar.inc(1);
        }
    }

    fn stored(&self, _bytes: ByteSize) {
        let stored = self.stored.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = self.uploads.get() {
            bar.set_message(format!("{stored} archives in the deep store"));
        }
    }

    fn note(&self, text: &str) {
        let show = || eprintln!("note: {text}");
        match self.uploads.get() {
            Some(bar) => bar.suspend(show),
            None => show(),
        }
    }

    fn loaded(&self, segments: usize, of: usize) {
        if let Some(bar) = self.uploads.get() {
            bar.set_message(format!("{segments}/{of} loaded by servers"));
        }
    }
}

impl Progress {
    /// Removes the bars.
    pub(crate) fn finish(&self) {
        for bar in [&self.bar, &self.uploads].into_iter().filter_map(OnceLock::get) {
            bar.finish_and_clear();
        }
    }
}
