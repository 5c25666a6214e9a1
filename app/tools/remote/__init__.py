"""A client of an installation elsewhere: it needs HTTP and an API key, and neither settings nor a database."""
