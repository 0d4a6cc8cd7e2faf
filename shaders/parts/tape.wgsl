// How tensors lie on the tape of a step, and how parameters in two pieces are found.

/// Words from one row of a tensor to the next: whole lines of eight, and no multiple of sixteen, at
/// which rows would meet in few sets of a cache.
fn stride(width: u32) -> u32 {
    let lines = (width + 7u) / 8u;
    return 8u * (lines + select(0u, 1u, lines % 16u == 0u));
}

/// A word of an array whose words from `split` on lie `gap` further.
fn word(index: u32, split: u32, gap: u32) -> u32 {
    return index + select(0u, gap, index >= split);
}

