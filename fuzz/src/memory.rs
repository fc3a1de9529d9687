//! How much memory an input may cost.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Any input may cost this: batches, open files and tables of fixed size.
const BASE: usize = 24 << 20;

/// What a byte may cost more: LZ4 and zlib make up to 255 and 1032 of one, and a chunk is held twice.
const PER_BYTE: usize = 2_200;

/// Runs `read` on an input of some length. No other thread must allocate meanwhile.
pub(crate) fn within(len: usize, read: impl FnOnce()) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    read();
    let used = MEMORY.peak_usage().saturating_sub(before);
    let allowed = BASE + PER_BYTE * len;
    assert!(used <= allowed, "{used} bytes of memory for {len} bytes of input, of which {allowed} are allowed");
}
