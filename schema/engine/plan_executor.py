"""Execute an operation by its plan instead of the reference executor, if it has one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from app.telemetry.metrics import OPERATIONS, PLANS_BAILED_OUT
from schema.engine.context import Context
from schema.engine.cost.operation_cost import Cost
from schema.engine.documents import Document, Documents, cost_extension
from schema.engine.limits import long_list_error
from schema.engine.plans.cache import Plans, PlanSlot
from schema.engine.plans.errors import MissingPlan
from schema.engine.plans.operation import coerce_variables

_log = structlog.get_logger()
_BY_PLAN, _BY_REFERENCE = OPERATIONS.labels("plan"), OPERATIONS.labels("reference")


@dataclass(slots=True, kw_only=True, eq=False)
class PlanExecutor:
    """Executes the operations of one process by their plans.

    Args:
        counts: Operations by executor, `planned` or `reference`. Of the latter, `bailed_out` had a plan that gave up.
    """

    documents: Documents
    plans: Plans
    counts: Counter[str] = field(default_factory=Counter)

    def has_plan(self, document: Document, name: str | None) -> bool:
        """Tell whether an operation has a plan, if perhaps not for all variables."""
        slot = document.slots.get(name)
        return isinstance(slot, PlanSlot) and any(slot.plans.values())

    async def response(
        self, text: str, variables: Mapping[str, object] | None, name: str | None, context: Context
    ) -> dict[str, object] | None:
        """Return the whole response, or None if the reference executor has to answer.

        That is the case for the first requests of an operation, while it is compiled, for every operation that is
        refused, and whenever the result has an error.
        """
        document = self.documents.find(text)
        if document is None or document.errors or long_list_error(document.node, variables):
            self.pass_by()
            return None
        return await self.response_of(document, document.costs.of(variables, name), text, variables, name, context)

    async def response_of(
        self,
        document: Document,
        cost: Cost,
        text: str,
        variables: Mapping[str, object] | None,
        name: str | None,
        context: Context,
    ) -> dict[str, object] | None:
        """Do the same for a valid operation whose cost is known."""
        maximum = context.settings.max_cost
        if document.introspects or cost.total > maximum:
            self.pass_by()
            return None
        data = await self._data(document, text, variables, name, context)
        if data is None:
            self.pass_by()
            return None
        self.counts["planned"] += 1
        _BY_PLAN.inc()
        return {"data": data, "extensions": cost_extension(cost, maximum)}

    def pass_by(self) -> None:
        """Count an operation that the reference executor has to answer."""
        self.counts["reference"] += 1
        _BY_REFERENCE.inc()

    async def _data(
        self, document: Document, text: str, variables: Mapping[str, object] | None, name: str | None, context: Context
    ) -> dict[str, object] | None:
        slot = self.plans.use_slot(text, document, name)
        if slot is None:
            return None
        try:
            values = coerce_variables(self.plans.schema, slot.operation, variables)
            plan = self.plans.find(slot, values)
            if plan is None:
                return None
            try:
                return await plan.data(context.reader, context.viewer, values)
            except MissingPlan:
                self.plans.prepare(slot, plan, values)
                return None
        except Exception as error:
            # The reference executor answers instead, and reports the error as the specification says.
            _log.debug("plan.bailed_out", error=repr(error))
            self.counts["bailed_out"] += 1
            PLANS_BAILED_OUT.inc()
            return None
