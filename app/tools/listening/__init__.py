"""A subscriber's side for trying things out: deliveries, their signatures, their printing, and a local receiver."""
