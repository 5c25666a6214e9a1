"""A webhook's stored query: checked and analysed once, then run for many entities."""
