"""The documentation: these pages, and how the API serves them at /docs.

`links` says where a code is explained, `markdown` renders one page, `manual` holds all pages in their order, `search`
finds sections, and `routes` answers requests.
"""
