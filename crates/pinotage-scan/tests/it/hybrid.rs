//! Tables of two halves.
