"""Reasons why the reference executor (graphql-core's) answers in the place of a plan.

PlanError
├── UnsupportedQuery   while compiling: a plan can't express the query
└── BailOut            while running: a result is not a plain value
    └── MissingPlan    it has to be compiled for another type first
"""


class PlanError(Exception):
    """A plan can't be made or can't answer; the reference executor can."""


class UnsupportedQuery(PlanError):
    """The query has a form that the compiler does not support."""


class BailOut(PlanError):
    """A result is not a plain value: it is an error, or a null where none is allowed."""


class MissingPlan(BailOut):
    """The plan must be compiled for one more type before it can answer."""
