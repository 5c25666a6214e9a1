"""Rules of the catalogue: pure functions, without I/O and without a clock."""
