"""Remittances: what sellers get of paid invoices."""
