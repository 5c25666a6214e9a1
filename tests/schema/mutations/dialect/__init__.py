"""Documents of integrators who come from Marketplacer, and the fields that they find here."""
