//! The only place of the house with `unsafe`: a file as a slice of bytes.
#![allow(
    unsafe_code,
    reason = "mapping a file is unsafe because others could change it; nobody changes a segment"
)]

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap};

/// Maps a segment.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: a segment is written under another name, renamed when it is complete, and never written again; removing its name
    // does not touch what is mapped. Only somebody with the rights of this user who writes into it on purpose breaks this.
    let map = unsafe { Mmap::map(file)? };
    // Look-ups jump: reading ahead would only fill the memory.
    let _ = map.advise(Advice::Random);
    Ok(map)
}
