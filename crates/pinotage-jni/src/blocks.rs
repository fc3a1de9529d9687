//! Memory that Java fills.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};

use pinotage_common::{Error, ErrorKind, Result};

/// What Arrow wants buffers to be aligned to, and what is before each block.
const ALIGN: usize = 64;

/// Stands before every block that is alive.
const MARK: u64 = 0x7069_6e6f_7461_6765;

static BLOCKS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

#[repr(C)]
struct Header {
    mark: u64,
    bytes: usize,
}

fn layout(bytes: usize) -> Result<Layout> {
    let whole = bytes.checked_add(ALIGN).and_then(|bytes| Layout::from_size_align(bytes, ALIGN).ok());
    whole.ok_or_else(|| exhausted(bytes))
}

fn exhausted(bytes: usize) -> Error {
    Error::new(ErrorKind::ResourceExhausted, format!("no memory for {bytes} bytes of a batch"))
        .action("make batches smaller, or give the process more memory beside the heap of Java")
}

/// A new block.
pub(crate) fn allocate(bytes: usize) -> Result<i64> {
    let layout = layout(bytes)?;
    // SAFETY: the layout is not empty, as it has a header.
    let start = unsafe { alloc(layout) };
    keep(start, bytes)
}

/// Writes the header of a block that begins here.
fn keep(start: *mut u8, bytes: usize) -> Result<i64> {
    if start.is_null() {
        return Err(exhausted(bytes));
    }
    BLOCKS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as i64, Ordering::Relaxed);
    // SAFETY: `start` was just allocated with room for a header before the block, and is aligned to more than a header is.
    unsafe {
        start.cast::<Header>().write(Header { mark: MARK, bytes });
        Ok(start.add(ALIGN) as i64)
    }
}

/// Where a block's header is, and its bytes; they are forgotten.
fn take(address: i64) -> Result<(*mut u8, usize)> {
    let start = (address as usize).wrapping_sub(ALIGN) as *mut u8;
    // SAFETY: Java has addresses of blocks from here alone, and gives each one back once (`Block` forgets it then). One that
    // was given back before is found out by its mark most of the time.
    unsafe {
        let header = start.cast::<Header>();
        if address == 0 || (*header).mark != MARK {
            return Err(Error::unexpected("memory was freed that is not allocated"));
        }
        (*header).mark = 0;
        let bytes = (*header).bytes;
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        BYTES.fetch_sub(bytes as i64, Ordering::Relaxed);
        Ok((start, bytes))
    }
}

/// Frees a block.
pub(crate) fn free(address: i64) -> Result<()> {
    let (start, bytes) = take(address)?;
    let layout = layout(bytes)?;
    // SAFETY: it was allocated with this layout.
    unsafe { dealloc(start, layout) };
    Ok(())
}

/// Gives a block another size.
pub(crate) fn reallocate(address: i64, bytes: usize) -> Result<i64> {
    let whole = layout(bytes)?.size();
    let (start, before) = take(address)?;
    let layout = layout(before)?;
    // SAFETY: it was allocated with this layout, and the new size was checked.
    let moved = unsafe { realloc(start, layout, whole) };
    if moved.is_null() {
        // What was there stays there.
        keep(start, before)?;
    }
    keep(moved, bytes)
}

/// Blocks that are alive, and their bytes.
pub(crate) fn outstanding() -> (i64, i64) {
    (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

/// A pointer to what Java calls an address.
pub(crate) fn pointer<T>(address: i64) -> *mut T {
    ptr::with_exposed_provenance_mut(address as usize)
}
