"""Distribute purchases over a year: more in the evening and at weekends, and more from month to month."""

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import accumulate

#: Monday first.
_WEEKDAYS = (1.0, 0.9, 0.9, 0.95, 1.1, 1.4, 1.6)
#: From midnight.
_HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 13, 12, 11, 11, 11, 12, 13, 15, 17, 16, 11, 6)
#: The buyers' clock against UTC.
_OFFSET = timedelta(hours=10)
_HOUR = timedelta(hours=1)
#: How much more is bought at the end than at the beginning.
_GROWTH = 0.6
#: What a month's trade is of the year's mean, January first.
_MONTHS = (0.9, 0.85, 0.95, 0.95, 1.0, 1.0, 0.95, 0.95, 1.0, 1.0, 1.2, 1.35)


class Calendar:
    """A year of trade. It maps a share of the trade to the moment when that share has been sold."""

    def __init__(self, until: datetime, *, days: int = 365) -> None:
        self._start = until - timedelta(days=days)
        hours = days * 24
        weights = [_weight(self._start + _HOUR * hour + _OFFSET, hour / hours) for hour in range(hours)]
        self._done = [0.0, *accumulate(weights)]

    def moment(self, share: float) -> datetime:
        """Return the moment when that share of the trade has been sold, to the second.

        Args:
            share: At least 0 and below 1.
        """
        wanted = share * self._done[-1]
        hour = bisect_right(self._done, wanted) - 1
        begun, ended = self._done[hour], self._done[hour + 1]
        return self._start + timedelta(seconds=int((hour + (wanted - begun) / (ended - begun)) * 3600))


def _weight(local: datetime, gone: float) -> float:
    return _WEEKDAYS[local.weekday()] * _HOURS[local.hour] * _MONTHS[local.month - 1] * (1 + _GROWTH * gone)


def next_remittance(after: datetime) -> datetime:
    """Return when a seller is paid: on a Wednesday, at the earliest two weeks after the sale."""
    earliest = after + timedelta(days=14)
    day = earliest.replace(hour=2, minute=0, second=0, microsecond=0)
    wednesday = day + timedelta(days=(2 - day.weekday()) % 7)
    return wednesday if wednesday >= earliest else wednesday + timedelta(days=7)
