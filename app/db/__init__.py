"""Tables and their queries: one module per aggregate, SQL beside its function."""
