"""Runs over many rows for one webhook: backfills, replays, reconciles. Each table has the same columns of a run."""
