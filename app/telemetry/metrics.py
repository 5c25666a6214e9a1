"""Figures for Prometheus: what this process has done, and what waits for all of them. Served on a port of their own.

Counters are incremented once for a batch where there is one: they must not be what a delivery costs.
"""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from app.errors import TellgraphError
from app.settings import Settings

OPERATIONS = Counter(
    "tellgraph_operations",
    "GraphQL operations of the API, by what executed them: plan, or the reference executor.",
    ["by"],
)
PLANS_BAILED_OUT = Counter(
    "tellgraph_plans_bailed_out", "Operations of the API whose plan gave them up, most of them for an error to be told."
)
RENDERINGS = Counter(
    "tellgraph_renderings",
    "Results of stored queries, by what rendered them: plan, or the reference executor.",
    ["by"],
)
CHANGE_EVENTS_PUBLISHED = Counter("tellgraph_change_events_published", "Change events published by this process.")
CHANGE_EVENTS_SET_ASIDE = Counter(
    "tellgraph_change_events_set_aside", "Change events that this process could not publish, whatever it tried."
)
WEBHOOK_EVENTS_MADE = Counter(
    "tellgraph_webhook_events_made", "Webhook events made by this process, by the state they were made in.", ["state"]
)
ATTEMPTS = Counter(
    "tellgraph_delivery_attempts",
    "Attempts of this process, by outcome: the class of the status (2xx), or the kind of error (TIMEOUT).",
    ["outcome"],
)
ATTEMPT_SECONDS = Histogram(
    "tellgraph_delivery_attempt_seconds",
    "How long attempts took, from before the connection to the end of the answer.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30),
)
POSTS_IN_FLIGHT = Gauge("tellgraph_posts_in_flight", "POSTs that this process has begun and not recorded yet.")
UNPUBLISHED_SECONDS = Gauge(
    "tellgraph_oldest_unpublished_seconds", "Age of the oldest change event that no worker has published; all workers."
)
OVERDUE_SECONDS = Gauge(
    "tellgraph_oldest_overdue_seconds", "For how long the first webhook event has been due for a POST; all workers."
)


def count(counter: Counter, labels: Iterable[str]) -> None:
    """Count a batch: one increment for each label that occurs."""
    for label, number in Tally(labels).items():
        counter.labels(label).inc(number)


def serve_metrics(settings: Settings) -> None:
    """Answer `GET /metrics` from a thread for as long as the process lives; nothing where no port is set.

    Raises: TellgraphError when the port can't be had.
    """
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise TellgraphError(f"TELLGRAPH_METRICS_PORT: {where} can't be listened on: {error.strerror}.") from error
