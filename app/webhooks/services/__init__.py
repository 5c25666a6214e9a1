"""One function per change: it checks, owns the transaction and returns the row as it is then."""
