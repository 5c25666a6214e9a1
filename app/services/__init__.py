"""One function per change: it checks, owns the transaction and gives back the row as it is then."""
