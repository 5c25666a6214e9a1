"""Several changes of one entity fold into one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks.domain.webhook import WebhookEventName, fold_operations

CREATE, UPDATE, DESTROY = WebhookEventName


@pytest.mark.parametrize(
    ("operations", "folded"),
    [
        ([CREATE], CREATE),
        ([UPDATE], UPDATE),
        ([DESTROY], DESTROY),
        ([CREATE, CREATE], CREATE),
        ([CREATE, UPDATE], CREATE),
        ([CREATE, DESTROY], None),
        ([UPDATE, CREATE], CREATE),
        ([UPDATE, UPDATE], UPDATE),
        ([UPDATE, DESTROY], DESTROY),
        ([DESTROY, CREATE], UPDATE),
        ([DESTROY, UPDATE], DESTROY),
        ([DESTROY, DESTROY], DESTROY),
        # A cascade reports the children's going after the parent's own.
        ([CREATE, DESTROY, UPDATE], None),
        ([CREATE, DESTROY, DESTROY], None),
        ([CREATE, DESTROY, CREATE], CREATE),
        ([DESTROY, CREATE, UPDATE], UPDATE),
        ([DESTROY, CREATE, DESTROY], DESTROY),
        ([UPDATE, DESTROY, CREATE, UPDATE], UPDATE),
    ],
)
def test_fold(operations: list[WebhookEventName], folded: WebhookEventName | None) -> None:
    assert fold_operations(operations) is folded


@given(existed=st.booleans(), steps=st.integers(1, 8), updates=st.data())
def test_a_life_of_creations_and_deletions_folds_to_its_ends(existed: bool, steps: int, updates: st.DataObject) -> None:
    exists, life = existed, []
    for _ in range(steps):
        if exists and updates.draw(st.booleans()):
            life.append(UPDATE)
        else:
            life.append(DESTROY if exists else CREATE)
            exists = not exists

    expected = {(False, True): CREATE, (False, False): None, (True, False): DESTROY, (True, True): UPDATE}

    assert fold_operations(life) is expected[existed, exists]


def test_every_sequence_folds_to_something_known() -> None:
    for operations in itertools.chain.from_iterable(
        itertools.product(WebhookEventName, repeat=n) for n in (1, 2, 3, 4)
    ):
        assert fold_operations(operations) in (None, CREATE, UPDATE, DESTROY)
