"""Sellers and what they sell: adverts, variants, stock, and their reference data."""
