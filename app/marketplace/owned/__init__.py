"""External ids, metadata and images, which entities of many types own."""
