"""Jobs beside publishing and delivering: sweeps, retention, backfills, replays, and catching up after a pause."""
