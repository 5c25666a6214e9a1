"""Tellgraph's core: settings, storage, rules, services and the HTTP application."""

__version__ = "0.1.0"
