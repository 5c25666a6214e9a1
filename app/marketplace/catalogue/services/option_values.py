"""Deleting values of options. For the operator; `reference.py` creates and changes them."""

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Conflict, NotFound
from app.marketplace.catalogue.db.option_types import (
    OptionValue,
    OptionValueId,
    delete_option_value,
    is_value_chosen,
    lock_option_value,
    touch_option_type,
)
from app.marketplace.catalogue.services.shared_data import check_may_change_shared


async def delete_value(database: Database, viewer: Viewer, value_id: OptionValueId) -> OptionValue:
    """Delete a value that no variant and no advert has chosen, and return it as it was.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such value.
        Conflict: The value has been chosen.
    """
    check_may_change_shared(viewer)
    async with transaction(database, actor=viewer.actor) as conn:
        value = await lock_option_value(conn, value_id)
        if value is None:
            raise NotFound.at("option_value_id", "there is no such option value")
        if await is_value_chosen(conn, value_id):
            message = "is chosen by variants or adverts: choose another value there first"
            raise Conflict(f"The value {message}.", fields={"option_value_id": [message]})
        await delete_option_value(conn, value_id)
        await touch_option_type(conn, value.option_type_id)
        return value
