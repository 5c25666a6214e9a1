"""The environment of a benchmark: servers, endpoint, marketplace, webhooks, and the CPU time of processes."""
