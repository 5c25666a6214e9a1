"""Tools beside the product: the demo, seeds, embedded servers, and a receiver for a developer's machine."""
