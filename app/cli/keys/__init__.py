"""The commands `tellgraph keys …`."""
