"""The console in a real browser, against the real API and a real worker. A story is told by clicks and keys.

They are skipped where there is no browser, no built console (`make console`), or no node packages (`make clients`).
"""
