"""Load, faults and checks for as long as one likes: `make soak MINUTES=60`."""
