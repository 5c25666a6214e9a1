"""Rules of owned values: pure functions, without I/O and without a clock."""
