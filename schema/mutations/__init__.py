"""Mutations by noun: inputs, payloads, and one service call each."""
