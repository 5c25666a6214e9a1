"""Work beside the two queues: sweeps, retention, backfills, replays, and catching up after a pause."""
