"""Other names of input types: clients of Marketplacer declare their variables with them."""

from graphql import DocumentNode, NamedTypeNode, NameNode, Visitor, visit

#: Name there → name here.
INPUT_ALIASES = {"WebhookCreateInput": "WebhookCreateAttributes", "WebhookInput": "WebhookUpdateAttributes"}


def with_own_names(text: str, node: DocumentNode) -> DocumentNode:
    """Return the document with our names of input types. `text` is what it was parsed from."""
    if not any(alias in text for alias in INPUT_ALIASES):
        return node
    renamed: DocumentNode = visit(node, _Rename())
    return renamed


class _Rename(Visitor):
    def enter_named_type(self, node: NamedTypeNode, *_: object) -> NamedTypeNode | None:
        own = INPUT_ALIASES.get(node.name.value)
        return None if own is None else NamedTypeNode(name=NameNode(value=own, loc=node.name.loc), loc=node.loc)
