"""The courses of refund requests and their times. All states come up again and again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.marketplace.refunds.domain.refund_request import RefundStage
from app.tools.seed.chance import Chance

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The course of a refund request.

    Attributes:
        fee: The amount of a custom line beside the goods.
        is_sent_back: Whether the goods come back in a return shipment.
    """

    stage: RefundStage
    fee: RefundStage | None = None
    is_sent_back: bool = False
    is_return: bool = True
    is_whole: bool = False


#: Each request is the next one of these that comes to its end in time. Each state is among the first eight.
RETURNS = (
    Story(stage=RefundStage.REFUNDED, fee=RefundStage.REFUNDED, is_sent_back=True, is_whole=True),
    Story(stage=RefundStage.RETURNED, fee=RefundStage.REFUND_DENIED, is_sent_back=True),
    Story(stage=RefundStage.REFUND_ACCEPTED, fee=RefundStage.REFUND_DENIED),
    Story(stage=RefundStage.REFUND_DENIED),
    Story(stage=RefundStage.RETURNED, is_sent_back=True),
    Story(stage=RefundStage.REFUND_ACCEPTED, is_sent_back=True),
    Story(stage=RefundStage.PENDING_APPROVAL),
    Story(stage=RefundStage.AWAITING_RETURN),
    Story(stage=RefundStage.REFUNDED, is_sent_back=True),
    Story(stage=RefundStage.REFUNDED, fee=RefundStage.REFUNDED, is_sent_back=True),
    Story(stage=RefundStage.REFUNDED, fee=RefundStage.REFUND_DENIED, is_sent_back=True),
    Story(stage=RefundStage.AWAITING_RETURN, is_sent_back=True),
)
CANCELLATIONS = (
    Story(stage=RefundStage.REFUNDED, is_return=False, is_whole=True),
    Story(stage=RefundStage.REFUNDED, is_return=False),
    Story(stage=RefundStage.REFUNDED, is_return=False, is_whole=True),
    Story(stage=RefundStage.REFUND_DENIED, is_return=False),
    Story(stage=RefundStage.PENDING_APPROVAL, is_return=False),
    Story(stage=RefundStage.REFUND_ACCEPTED, is_return=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The time of each step; a step may not be taken."""

    asked_at: datetime
    sent_back_at: datetime
    returned_at: datetime
    decided_at: datetime
    paid_at: datetime

    def of(self, stage: RefundStage) -> datetime:
        """Return the time at which a line reaches a stage."""
        if stage is RefundStage.REFUNDED:
            return self.paid_at
        if stage in (RefundStage.REFUND_ACCEPTED, RefundStage.REFUND_DENIED):
            return self.decided_at
        return self.returned_at if stage is RefundStage.RETURNED else self.asked_at

    def end(self, story: Story) -> datetime:
        """Return the time of a story's last step."""
        steps = [self.of(stage) for stage in (story.stage, story.fee) if stage is not None]
        return max(*steps, self.sent_back_at if story.is_sent_back else self.asked_at)


def cancelling_times(chance: Chance, paid_at: datetime) -> Times:
    """Return the times of a cancellation: within hours after the payment, before the order is sent."""
    asked_at = paid_at + _hours(chance, 0.2, 5)
    decided_at = asked_at + _hours(chance, 0.1, 3)
    return Times(
        asked_at=asked_at,
        sent_back_at=asked_at,
        returned_at=asked_at,
        decided_at=decided_at,
        paid_at=decided_at + _hours(chance, 0.1, 1),
    )


def returning_times(chance: Chance, done_at: datetime) -> Times:
    """Return the times of a return: within weeks after the buyer got the goods."""
    asked_at = done_at + _hours(chance, 5, 240)
    sent_back_at = asked_at + _hours(chance, 10, 90)
    returned_at = sent_back_at + 150 * _HOUR
    return Times(
        asked_at=asked_at,
        sent_back_at=sent_back_at,
        returned_at=returned_at,
        decided_at=returned_at + _hours(chance, 2, 50),
        paid_at=returned_at + _hours(chance, 51, 90),
    )


def _hours(chance: Chance, least: float, most: float) -> timedelta:
    return timedelta(seconds=int(chance.uniform(least, most) * 3600))
