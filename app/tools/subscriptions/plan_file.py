"""The file of an approved plan: `plan --out` writes it, and `apply --plan` holds itself to it."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from app.tools.subscriptions.definition import WrongFolder


class PlanFile(BaseModel, frozen=True):
    """A plan by its digest, with the options that it was made with; digest None: any plan will do."""

    digest: str | None
    prune: bool
    headers: bool


def write_plan(path: Path, plan: PlanFile) -> None:
    """Write a plan. Raises WrongFolder if that can't be done."""
    try:
        path.write_text(plan.model_dump_json(), "utf-8")
    except OSError as error:
        raise WrongFolder(f"{path} can't be written: {error.strerror}.") from error


def read_plan(path: Path) -> PlanFile:
    """Read a plan. Raises WrongFolder if there is none."""
    try:
        return PlanFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WrongFolder(f"The plan {path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        raise WrongFolder(
            f"{path} is no plan. `tellgraph webhooks plan DIR --out {path}` makes one; look at it, and apply it then."
        ) from error
