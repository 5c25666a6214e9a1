"""Rules of postal addresses."""


def full_address(*, address: str, subaddress: str | None, city: str, postcode: str) -> str:
    """Return an address in one line, without state and country: `Unit 3, 12 High Street, Melbourne 3000`."""
    return ", ".join(part for part in (subaddress, address, f"{city} {postcode}".strip()) if part)
