"""The marketplace: the catalogue, orders, refunds, and what any of their entities may own."""
