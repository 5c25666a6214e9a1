"""Short documents that expand to many fields, for which compiling needs a limit."""


def expanding_fragments(depth: int, leaves: str = "id") -> str:
    """Fragments on Invoice, of which F0 expands to four times as much with each level."""
    relations = ("shipments", "refundRequests", "amendments", "annotations")
    fragments = " ".join(
        f"fragment F{level} on Invoice {{ "
        + " ".join(f"{name} {{ invoice {{ ...F{level + 1} }} }}" for name in relations)
        + " }"
        for level in range(depth)
    )
    return f"{fragments} fragment F{depth} on Invoice {{ {leaves} }}"
