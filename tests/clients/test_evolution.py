"""A client keeps working with a newer schema, or the changelog says that it does not."""

import pytest

from tests.clients import CLIENTS, SDL
from tests.clients.evolution import unannounced_changes

#: The SDL of the last release, copied there when it is made. Before the first one there is nothing to break.
RELEASED = CLIENTS / "released.graphql"
CHANGELOG = CLIENTS.parents[1] / "CHANGELOG.md"

OLD = """
type Query { invoice(id: ID!): Invoice }
type Invoice { id: ID! status: String! total(currency: String): Int }
"""


def test_breaking_changes_since_the_last_release_are_announced() -> None:
    if not RELEASED.exists():
        return

    assert unannounced_changes(RELEASED.read_text(), SDL.read_text(), CHANGELOG.read_text()) == []


def test_additions_break_nothing() -> None:
    new = OLD.replace("status: String!", "status: String! flags: [String!]!") + "type Order { id: ID! }"

    assert unannounced_changes(OLD, new, "") == []


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("status: String!", "", "Field Invoice.status was removed."),
        ("status: String!", "status: String", "Field Invoice.status changed type from String! to String."),
        ("status: String!", "status: Int!", "Field Invoice.status changed type from String! to Int!."),
        ("(currency: String)", "", "Argument Invoice.total(currency:) was removed."),
        (
            "(currency: String)",
            "(currency: String!)",
            "Argument Invoice.total(currency:) has changed type from String to String!.",
        ),
        ("(id: ID!)", "(id: ID!, year: Int!)", "A required argument Query.invoice(year:) was added."),
    ],
)
def test_breaking_change_has_to_be_announced(before: str, after: str, change: str) -> None:
    new = OLD.replace(before, after)

    assert unannounced_changes(OLD, new, "# Changelog\n\n## 0.2.0\n\n### Added\n\n- More.\n") == [change]
    assert unannounced_changes(OLD, new, f"## 0.2.0\n\n### Breaking\n\n- `{change}` Read something else.\n") == []


@pytest.mark.parametrize(
    "changelog",
    [
        "## 0.2.0\n\n### Changed\n\n- Field Invoice.status was removed.\n",
        "## 0.2.0\n\n### Added\n\n- More.\n\n## 0.1.0\n\n### Breaking\n\n- Field Invoice.status was removed.\n",
        "## 0.2.0\n\n### Breaking\n\n- Field Invoice.statusFlags was removed.\n",
    ],
)
def test_change_named_elsewhere_is_not_announced(changelog: str) -> None:
    new = OLD.replace("status: String!", "")

    assert unannounced_changes(OLD, new, changelog) == ["Field Invoice.status was removed."]
