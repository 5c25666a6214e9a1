"""commissionPackageCreate, commissionPackageUpdate, commissionPackageDelete."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.db.commission_packages import CommissionPackageId
from app.marketplace.catalogue.services.commission_packages import (
    CommissionPackageAttributes,
    create_package,
    delete_package,
    update_package,
)
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import convert_input, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.commission_package import CommissionPackage


@strawberry.input(description="The attributes of a commission package. An absent one stays as it is.")
class CommissionPackageInput:
    name: str | None = optional("Its name, unique. Required for a new one; can't be cleared.")
    rate: Decimal | None = optional(
        "The operator's part of the goods' price, as a fraction: 0.1 is 10 %. Required for a new one; can't be cleared."
    )
    applies_to_postage: bool | None = optional(
        "Whether the operator has the same part of the postage. Can't be cleared."
    )
    default: bool | None = optional(
        "Whether it is the package of sellers that have none of their own; the present one is it no longer."
        " Can't be cleared."
    )


@strawberry.input(description="Input of commissionPackageCreate.")
class CommissionPackageCreateMutationInput:
    attributes: CommissionPackageInput = required("The attributes of the package.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of commissionPackageUpdate.")
class CommissionPackageUpdateMutationInput:
    commission_package_id: strawberry.ID = required("The package to change.", name="id")
    attributes: CommissionPackageInput = required("The changes.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of commissionPackageDelete.")
class CommissionPackageDeleteMutationInput:
    commission_package_id: strawberry.ID = required("The package to delete.", name="id")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type
class _PackagePayload(MutationPayload):
    commission_package: CommissionPackage | None = strawberry.field(
        default=None, description="The package as it is now; null on errors."
    )


@strawberry.type(description="Answer of commissionPackageCreate.")
class CommissionPackageCreateMutationPayload(_PackagePayload):
    """The package."""


@strawberry.type(description="Answer of commissionPackageUpdate.")
class CommissionPackageUpdateMutationPayload(_PackagePayload):
    """The package."""


@strawberry.type(description="Answer of commissionPackageDelete.")
class CommissionPackageDeleteMutationPayload(MutationPayload):
    commission_package: CommissionPackage | None = strawberry.field(
        default=None, description="The package as it was; null on errors."
    )


@strawberry.type
class CommissionPackageMutations:
    @strawberry.field(description="Make a package of commissions for sellers. For the operator.")
    async def commission_package_create(
        self,
        info: Info,
        input: Annotated[CommissionPackageCreateMutationInput, strawberry.argument(description="The package.")],
    ) -> CommissionPackageCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"commission_package": await create_package(database, viewer, _attributes(input.attributes))}

        return await run_mutation(info, CommissionPackageCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change a package of commissions. What was sold before keeps its commission. For the operator."
    )
    async def commission_package_update(
        self,
        info: Info,
        input: Annotated[CommissionPackageUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> CommissionPackageUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = _key(input.commission_package_id)
            return {"commission_package": await update_package(database, viewer, key, _attributes(input.attributes))}

        return await run_mutation(info, CommissionPackageUpdateMutationPayload, input, update)

    @strawberry.field(description="Delete a package of commissions that was given to no seller. For the operator.")
    async def commission_package_delete(
        self,
        info: Info,
        input: Annotated[CommissionPackageDeleteMutationInput, strawberry.argument(description="The package.")],
    ) -> CommissionPackageDeleteMutationPayload | None:
        async def delete(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"commission_package": await delete_package(database, viewer, _key(input.commission_package_id))}

        return await run_mutation(info, CommissionPackageDeleteMutationPayload, input, delete)


def _key(global_id: str) -> CommissionPackageId:
    return CommissionPackageId(global_ids.key_of(global_id, "CommissionPackage", field="commission_package_id"))


def _attributes(given: CommissionPackageInput) -> CommissionPackageAttributes:
    rate = given.rate
    return convert_input(
        given,
        CommissionPackageAttributes,
        but=("rate",),
        **({} if rate is strawberry.UNSET else {"rate": None if rate is None else float(rate)}),
    )
