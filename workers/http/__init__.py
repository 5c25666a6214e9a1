"""Send one POST to an endpoint that may be hostile: transport, connections, egress rules, DNS, deadlines."""
