"""The query engine: documents, their limits and cost, dataloaders, and the compiler of plans."""
