"""The interface of everything that has a global id."""

import strawberry


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque global id; `node(id:)` finds the object again.")
