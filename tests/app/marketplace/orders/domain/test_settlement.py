"""Amounts that are given back in pieces: whatever the pieces are, they add up to the cent."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace.orders.domain.settlement import NOTHING, ItemRest, Ledger, Split, share

CENTS = st.integers(0, 2**40)


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """A line's amounts: each part is at most what contains it."""
    total = draw(CENTS)
    commission = draw(st.integers(0, total))
    return Split(
        total_cents=total,
        tax_cents=draw(st.integers(0, total)),
        commission_cents=commission,
        commission_tax_cents=draw(st.integers(0, commission)),
    )


def _ledger(whole: Split, quantity: int, *, rest: Split = NOTHING) -> Ledger:
    item = ItemRest(unsettled=whole, unclaimed=whole, quantity=quantity)
    return Ledger(left=whole + rest, items={1: item})


def test_a_share_is_rounded_towards_nothing() -> None:
    assert [share(100, part, 3) for part in range(4)] == [0, 33, 66, 100]
    assert [share(-100, 1, 3), share(100, -1, 3), share(-100, 1, -3), share(-100, -1, 3)] == [-33, -33, 33, 33]
    assert share(0, 0, 0) == 0


def test_the_last_piece_takes_the_cent_that_is_left() -> None:
    ledger = _ledger(Split(total_cents=100, tax_cents=10, commission_cents=5, commission_tax_cents=2), 3)

    pieces = [ledger.claim(1, 1) for _ in range(3)]

    assert [piece.total_cents for piece in pieces] == [33, 33, 34]
    assert [piece.tax_cents for piece in pieces] == [3, 3, 4]
    assert [piece.commission_cents for piece in pieces] == [1, 2, 2]
    assert [piece.remittance_cents for piece in pieces] == [32, 31, 32]
    assert sum(pieces, NOTHING) == Split(total_cents=100, tax_cents=10, commission_cents=5, commission_tax_cents=2)


@given(whole=splits(), cuts=st.sets(st.integers(1, 49)))
def test_pieces_of_any_size_add_up_to_the_whole(whole: Split, cuts: set[int]) -> None:
    bounds = [0, *sorted(cuts), 50]
    ledger = _ledger(whole, 50)

    pieces = []
    for start, end in pairwise(bounds):
        pieces.append(ledger.claim(1, end - start))
        ledger.settle(1, pieces[-1])

    assert sum(pieces, NOTHING) == whole
    assert ledger.left == NOTHING
    for piece, (start, end) in zip(pieces, pairwise(bounds), strict=True):
        assert abs(piece.total_cents - whole.total_cents * (end - start) / 50) <= len(pieces)
        assert 0 <= piece.commission_cents <= piece.total_cents
        assert piece.commission_tax_cents >= 0


@given(rest=splits(), sizes=st.lists(st.integers(1, 2**39)), rate=splits())
def test_amounts_of_the_rest_take_all_of_its_parts(rest: Split, sizes: list[int], rate: Split) -> None:
    ledger = _ledger(Split(total_cents=999, tax_cents=90), 3, rest=rest)

    taken = []
    for size in sizes:
        taken.append(ledger.take(min(size, ledger.rest.total_cents), rate))
    taken.append(ledger.take(ledger.rest.total_cents, rate))

    total = sum(taken, NOTHING)
    assert total.total_cents == rest.total_cents
    if rest.total_cents:
        assert (total, ledger.rest) == (rest, NOTHING)


@pytest.mark.parametrize(("cents", "tax"), [(50, 8), (100, 16), (101, 16), (130, 19), (-50, -5)])
def test_what_the_rest_does_not_cover_has_the_given_rate(cents: int, tax: int) -> None:
    ledger = _ledger(NOTHING, 1, rest=Split(total_cents=100, tax_cents=16))

    taken = ledger.take(cents, Split(total_cents=1000, tax_cents=100))

    assert taken == Split(total_cents=cents, tax_cents=tax)
    assert ledger.left == Split(total_cents=100 - cents, tax_cents=16 - tax)


def test_a_reduction_pays_back_what_was_given_too_much() -> None:
    ledger = _ledger(Split(total_cents=1000, tax_cents=91), 1)
    goodwill = ledger.take(300, Split(total_cents=300, tax_cents=27))
    piece = ledger.claim(1, 1)
    ledger.settle(1, piece)

    reduction = ledger.take(-300, piece)

    assert (goodwill.tax_cents, reduction) == (27, Split(total_cents=-300, tax_cents=-27))
    assert ledger.left == NOTHING


def test_an_amount_of_its_own_does_not_change_the_other_pieces() -> None:
    ledger = _ledger(Split(total_cents=300, tax_cents=30), 3)

    claimed = ledger.claim(1, 1)
    ledger.settle(1, claimed, paid=claimed.scale(50))

    assert claimed == Split(total_cents=100, tax_cents=10)
    assert [ledger.claim(1, 1).total_cents for _ in range(2)] == [100, 100]
    assert ledger.left == Split(total_cents=250, tax_cents=25)
    assert ledger.rest == Split(total_cents=50, tax_cents=5)
