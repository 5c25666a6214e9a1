"""What entities of many types own: external ids, metadata and images."""
