"""Execution of an operation of the API by the reference executor, graphql-core."""

from typing import Any

from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import Schema
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.http.graphql_view import BadRequest, Operation, OperationResult
from schema.engine.context import Context
from schema.errors import format_error, response_of


async def execute_by_reference(schema: Schema, operation: Operation, context: Context) -> OperationResult:
    """Run an operation by graphql-core. Raises BadRequest."""
    allowed = {OperationType.QUERY, OperationType.MUTATION} if operation.may_mutate else {OperationType.QUERY}
    try:
        result = await schema.execute(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=allowed,
        )
    except CannotGetOperationTypeError as error:
        message = (
            "`operationName` must be the name of one of the document's operations; it may be absent for one alone."
        )
        raise BadRequest(400, "OPERATION_RESOLUTION_FAILURE", message) from error
    except InvalidOperationTypeError as error:
        if error.operation_type is OperationType.MUTATION:
            message = "A mutation must be sent with POST."
            raise BadRequest(405, "METHOD_NOT_ALLOWED", message, {"Allow": "POST"}) from error
        message = "The results of a subscription are a stream: accept text/event-stream, or use a websocket."
        raise BadRequest(400, "OPERATION_RESOLUTION_FAILURE", message) from error
    return _reference_result(result, suggests=context.settings.introspection)


def _reference_result(result: ExecutionResult, *, suggests: bool) -> OperationResult:
    is_of_document = isinstance(result, PreExecutionError)
    if is_of_document or _has_wrong_variables(result):
        code = "GRAPHQL_VALIDATION_FAILED" if is_of_document else "BAD_USER_INPUT"
        errors = [format_error(error, code_of_input=code, suggests=suggests) for error in result.errors or ()]
        return OperationResult(response={"errors": errors} | _extensions(result), is_request_error=True)
    response = response_of(result.data, result.errors) | _extensions(result)
    return OperationResult(response=response, is_request_error=False)


def _has_wrong_variables(result: ExecutionResult) -> bool:
    """Return whether variables were wrong. graphql-core then returns a result whose errors have no path."""
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def _extensions(result: ExecutionResult) -> dict[str, Any]:
    return {"extensions": result.extensions} if result.extensions else {}
