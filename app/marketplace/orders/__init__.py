"""Orders and their invoices, payments, amendments and shipments."""
