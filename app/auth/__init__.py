"""API keys and who asks by them, and the secrets that the database holds sealed."""
