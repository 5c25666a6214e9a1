"""The filters and orders of root lists, one file per noun: input types, and what they ask of the database.

All conditions must hold. What is absent or null is no condition; an empty list is one that nothing meets.
"""
