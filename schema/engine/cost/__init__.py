"""The cost of an operation: the number of values that its answer may hold."""
