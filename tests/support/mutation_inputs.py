"""The input types of mutations: nearly all are named after their mutation, and some as integrators know them."""

from schema import schema


def input_type(mutation: str) -> str:
    """The name of the type of a mutation's input, as in `OrderCreateMutationInput!`."""
    mutations = schema._schema.mutation_type
    assert mutations is not None
    return str(mutations.fields[mutation].args["input"].type)
