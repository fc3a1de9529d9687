//! All rows or an error.
