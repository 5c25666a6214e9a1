"""The root of all mutations, composed from the nouns' modules."""

import strawberry

from schema.mutations.webhooks import WebhookMutations


@strawberry.type(description="What can be changed. A business error is data: look at `errors` and `status`.")
class Mutation(
    WebhookMutations,
):
    """Every mutation has the form `name(input: NameMutationInput!): NameMutationPayload`."""
