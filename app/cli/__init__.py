"""The `tellgraph` command."""
