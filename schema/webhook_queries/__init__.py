"""Root fields that help to write a webhook: the dry run, the explanation, the payload's JSON Schema."""
