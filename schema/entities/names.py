"""Names of GraphQL (camelCase) from names of Python (snake_case)."""

import re


def graphql_name(name: str) -> str:
    """Return `countOnHand` for `count_on_hand`; a name of GraphQL stays as it is."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def graphql_path(path: str) -> str:
    """Return `lineItems.0.variantId` for `line_items.0.variant_id`. The names of headers are the caller's own."""
    before, found, headers = path.partition(".headers.")
    return f"{graphql_name(before)}{found}{headers}"


def graphql_message(message: str) -> str:
    """Return a message of the application in which names between backticks are those of GraphQL."""
    return re.sub(r"`[a-z]+(?:_[a-z]+)+`", lambda match: graphql_name(match[0]), message)
