"""Documents that are short and come to much: what compiling has to be bounded for."""


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
