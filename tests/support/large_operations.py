"""Operations within the cost limit that take long."""

import secrets


def new(text: str) -> str:
    """A text that was not seen before: it has to be read, and has no plan."""
    return f"# {secrets.token_hex(8)}\n{text}"


def nested_variants(*, first: int = 60) -> str:
    """All variants, each with all variants of its advert: some 65,000 values, a second's work without a plan."""
    leaves = " ".join(
        f"{name}{number}: {name}" for number in range(2) for name in ("id", "sku", "barcode", "updatedAt")
    )
    return (
        f"{{ variantsWhere(first: {first}) {{ nodes {{ advert {{ ... on Advert {{ variants(first: {first}) {{ nodes {{"
        f" {leaves} id sku barcode countOnHand createdAt updatedAt legacyId }} }} }} }} }} }} }}"
    )
