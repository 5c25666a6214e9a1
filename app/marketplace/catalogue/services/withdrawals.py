"""Publishing, withdrawing and deleting adverts and variants. Deleted rows are kept for the record."""

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.db.write import update_row
from app.errors import Conflict
from app.marketplace.catalogue.db.adverts import (
    ADVERTS,
    Advert,
    AdvertId,
    delete_advert,
    lock_advert,
    touch_adverts,
)
from app.marketplace.catalogue.db.variants import (
    VARIANTS,
    Variant,
    VariantId,
    lock_advert_variants,
    touch_advert_variants,
)
from app.marketplace.catalogue.services.variants import lock_in_advert


async def publish_advert(database: Database, viewer: Viewer, advert_id: AdvertId, *, is_published: bool) -> Advert:
    """Put an advert up for sale, or take it down. For the operator and the advert's seller. Raises NotFound."""
    async with transaction(database, actor=viewer.actor) as conn:
        advert = await lock_advert(conn, advert_id, seller_id=viewer.seller_id)
        if advert.is_published == is_published:
            return advert
        saved = await update_row(conn, ADVERTS, advert.id, {"is_published": is_published})
        await touch_advert_variants(conn, advert.id)
        return saved


async def withdraw_advert(database: Database, viewer: Viewer, advert_id: AdvertId) -> Advert:
    """Delete an advert with its variants. For the operator and the advert's seller. Raises NotFound."""
    async with transaction(database, actor=viewer.actor) as conn:
        advert = await lock_advert(conn, advert_id, seller_id=viewer.seller_id)
        await lock_advert_variants(conn, advert.id)
        return await delete_advert(conn, advert.id)


async def withdraw_variant(database: Database, viewer: Viewer, variant_id: VariantId) -> Variant:
    """Delete a variant. For the operator and the variant's seller.

    Raises:
        NotFound: There is no such variant for this viewer.
        Conflict: It is the only variant of its advert.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        variant = await lock_in_advert(conn, viewer, variant_id)
        if len(await lock_advert_variants(conn, variant.advert_id)) == 1:
            message = "is the last variant of its advert: delete the advert instead"
            raise Conflict(f"The variant {message}.", fields={"variant_id": [message]})
        await touch_adverts(conn, [variant.advert_id])
        deleted_at = await conn.fetchval("select now()")
        return await update_row(conn, VARIANTS, variant.id, {"deleted_at": deleted_at})
