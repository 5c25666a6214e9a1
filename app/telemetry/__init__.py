"""Metrics for Prometheus, and logs as JSON."""
