"""Subscriptions as code: a folder that says which webhooks there are, and what is to be done at a server for it."""
