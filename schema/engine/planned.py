"""Execute an operation by its plan, where it has one, in place of the reference executor."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.telemetry.metrics import OPERATIONS, PLANS_BAILED_OUT
from schema.engine.context import Context
from schema.engine.documents import Documents, Known, shown_cost
from schema.engine.limits import long_list_error
from schema.engine.plans.cache import Plans
from schema.engine.plans.operation import coerced
from schema.engine.plans.roots import NotPrepared

_log = structlog.get_logger()
_BY_PLAN, _BY_REFERENCE = OPERATIONS.labels("plan"), OPERATIONS.labels("reference")


@dataclass(slots=True, kw_only=True, eq=False)
class Planned:
    """The operations of one process.

    counts  how many were `planned`, and how many left to the `reference`; of those, how many plans `bailed_out`.
    """

    documents: Documents
    plans: Plans
    counts: Counter[str] = field(default_factory=Counter)

    async def response(
        self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Context
    ) -> dict[str, Any] | None:
        """The whole response; None where the reference executor has to be asked: for an error, above all.

        The first times, and while it is compiled, an operation has no plan. A document that may not be executed, or
        costs too much, has none either.
        """
        response = await self._response(text, variables, name, context)
        self.counts["reference" if response is None else "planned"] += 1
        (_BY_REFERENCE if response is None else _BY_PLAN).inc()
        return response

    async def _response(
        self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Context
    ) -> dict[str, Any] | None:
        known = self.documents.find(text)
        if known is None or known.errors or known.introspects or long_list_error(known.document, variables):
            return None
        maximum = context.settings.max_cost
        cost = known.costs.of(variables, name)
        if cost.total > maximum:
            return None
        data = await self._data(known, text, variables, name, context)
        return None if data is None else {"data": data, "extensions": shown_cost(cost, maximum)}

    async def _data(
        self, known: Known, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Context
    ) -> dict[str, Any] | None:
        seen = self.plans.see(text, known, name)
        if seen is None:
            return None
        try:
            values = coerced(self.plans.schema, seen.operation, variables)
            plan = self.plans.find(seen, values)
            if plan is None:
                return None
            try:
                return await plan.data(context.reader, context.viewer, values)
            except NotPrepared:
                self.plans.prepare(seen, plan, values)
                return None
        except Exception as error:
            # Whatever it is, the reference executor says it in GraphQL's words.
            _log.debug("plan.bailed_out", error=repr(error))
            self.counts["bailed_out"] += 1
            PLANS_BAILED_OUT.inc()
            return None
