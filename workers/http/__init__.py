"""One POST to a hostile world: the transport, its connections, egress rules, DNS and deadlines."""
