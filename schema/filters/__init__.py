"""The filters and orders of root lists, one file per noun: their input types and their conditions in SQL.

All conditions must hold. A field that is absent or null is no condition. No row meets an empty list.
"""
