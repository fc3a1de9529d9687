//! A progress bar on a terminal, nothing in a pipe.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pinotage_common::ByteSize;
use pinotage_engine::{EpochReport, Observer, PushObserver};

/// Shows rows, bytes, rate and the time left.
#[derive(Default)]
pub(crate) struct Progress {
    bar: OnceLock<ProgressBar>,
    rows: AtomicU64,
    uploads: OnceLock<ProgressBar>,
    stored: AtomicU64,
    uploading_since: OnceLock<Instant>,
    /// Uploaded segments, and nanoseconds until the last of them was there.
    uploaded: AtomicU64,
    uploaded_nanos: AtomicU64,
    /// When an epoch was told last.
    told: Mutex<Option<Instant>>,
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

    fn epoch(&self, report: &EpochReport) {
        self.show_epoch(report);
    }

    fn advanced(&self, rows: u64, bytes: u64) {
        let total = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if let Some(bar) = self.bar.get().filter(|bar| bar.length().is_some()) {
            bar.inc(bytes);
            bar.set_message(format!("{total} rows"));
        }
    }
}

/// In a pipe an epoch is told so often at most.
const TOLD: Duration = Duration::from_secs(10);

impl Progress {
    fn show_epoch(&self, report: &EpochReport) {
        let EpochReport { epoch, counts, open_rows, waiting } = report;
        let text = format!(
            "epoch {epoch}: {} rows read, {open_rows} in open segments, {waiting} segments wait to be published",
            counts.read
        );
        if std::io::stderr().is_terminal() {
            self.bar.get_or_init(ProgressBar::new_spinner).set_message(text);
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TOLD) {
            *told = Some(Instant::now());
            eprintln!("{text}");
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
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} segments pushed {per_sec} {msg} {eta} left")
        {
            bar.set_style(style);
        }
        let _ = self.uploads.set(bar);
        let _ = self.uploading_since.set(Instant::now());
    }

    fn pushed(&self, _bytes: ByteSize) {
        let since = self.uploading_since.get().map_or(Duration::ZERO, Instant::elapsed);
        self.uploaded.fetch_add(1, Ordering::Relaxed);
        self.uploaded_nanos.fetch_max(since.as_nanos() as u64, Ordering::Relaxed);
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
    /// The line of a summary that says how fast segments were uploaded; empty when none was.
    pub(crate) fn uploaded(&self) -> String {
        let segments = self.uploaded.load(Ordering::Relaxed);
        if segments == 0 {
            return String::new();
        }
        let seconds = Duration::from_nanos(self.uploaded_nanos.load(Ordering::Relaxed)).as_secs_f64();
        let rate = segments as f64 / seconds.max(1e-9);
        format!("uploaded {segments} segments in {seconds:.2} s, {rate:.1} segments/s\n")
    }

    /// Removes the bars.
    pub(crate) fn finish(&self) {
        for bar in [&self.bar, &self.uploads].into_iter().filter_map(OnceLock::get) {
            bar.finish_and_clear();
        }
    }
}
