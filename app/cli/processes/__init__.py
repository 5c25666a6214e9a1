"""The commands that run processes: `serve`, `worker`, `demo`."""
