"""Rules of orders: pure functions, without I/O and without a clock."""
