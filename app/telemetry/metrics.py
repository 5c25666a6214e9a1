"""Metrics for Prometheus: the work that this process has done, and the work that waits. They have their own port.

Counters are incremented once per batch if possible, so that they add little to the time of a delivery.
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
REFUSED_REQUESTS = Counter(
    "tellgraph_refused_requests",
    "Requests and mutations that the API has refused, by status: 401, 403, 429, or 431 for a request head.",
    ["status"],
)
CONNECTIONS_ENDED = Counter(
    "tellgraph_connections_ended", "Connections of clients that the API has ended, by the reason.", ["reason"]
)
STREAMS = Gauge("tellgraph_streams", "Subscriptions that are open in this process.")
RATE_UNSHARED = Gauge(
    "tellgraph_rate_limit_unshared", "1 while Redis is away and the rate limit of keys is not applied, otherwise 0."
)
PLANS_BAILED_OUT = Counter(
    "tellgraph_plans_bailed_out", "Operations of the API whose plan gave up, mostly because the result has an error."
)
RENDERINGS = Counter(
    "tellgraph_renderings",
    "Results of stored queries, by what rendered them: plan, or the reference executor.",
    ["by"],
)
CHANGE_EVENTS_PUBLISHED = Counter("tellgraph_change_events_published", "Change events published by this process.")
CHANGE_EVENTS_SET_ASIDE = Counter(
    "tellgraph_change_events_set_aside", "Change events that this process could not publish and has set aside."
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
CATCHING_UP = Gauge(
    "tellgraph_webhooks_catching_up",
    "Webhooks that are enabled again and have not been sent all that they missed; all workers.",
)
UNWELL = Gauge(
    "tellgraph_webhooks",
    "Webhooks of each health but OK and DELETED, at most 100,000 of each; all workers, every half minute.",
    ["health"],
)
HELD_EVENTS = Gauge(
    "tellgraph_webhook_events_held",
    "Events that are kept for disabled webhooks, at most 100,000; all workers, every half minute.",
)
CAUGHT_UP = Counter(
    "tellgraph_catch_up_entities", "Entities whose changes webhooks had missed, and that this process has looked at."
)


def count(counter: Counter, labels: Iterable[str]) -> None:
    """Count a batch with one increment for each label that occurs."""
    for label, number in Tally(labels).items():
        counter.labels(label).inc(number)


def serve_metrics(settings: Settings) -> None:
    """Answer `GET /metrics` from a thread until the process ends. Do nothing if no port is set.

    Raises:
        TellgraphError: The port can't be listened on.
    """
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise TellgraphError(f"TELLGRAPH_METRICS_PORT: {where} can't be listened on: {error.strerror}.") from error
