"""Rows for tests: `create_order(conn, **overrides)` and the like, one file per aggregate.

Each inserts one row, with the parents that it needs unless their ids are given, and returns it. An override
is a column of the table. Enumerations are given as members or as their text.
"""
