"""A whole marketplace is built by its API alone, from an empty database; a webhook tells how it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.support.platform import Platform
from tests.support.receiver import Receiver

QUERY = """
query($id: ID!) { node(id: $id) { ... on Invoice {
  legacyId statusFlags totalCents totalIncludingAdjustmentsCents commissionAmountCents remittedAt
  seller { businessName }
  shippingAddress { country { name code } }
  lineItems { brandName quantity commissionRate commissionAmountCents }
  shipments { carrier trackingLink }
  amendments { totalCents remittanceCents commissionAmountTotalCents }
  refundRequests { status }
} } }
"""
NOTES = [{"note": "Seen"}]
ADDRESS = {"address": "1 Main St", "city": "Melbourne", "postcode": "3000", "country": {"code": "AU"}}


class World:
    """Each mutation is carried out or fails the test; a made row is its global id."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def make(self, mutation: str, selection: str, /, **given: Any) -> Any:
        made = await self._platform.mutate(mutation, selection, **given)
        assert made["status"] == 200, (mutation, made)
        return made[selection.split()[0]]

    async def id_of(self, mutation: str, field: str, /, **given: Any) -> str:
        return str((await self.make(mutation, f"{field} {{ id }}", **given))["id"])

    async def list(self, field: str) -> Sequence[Any]:
        nodes: Sequence[Any] = (await self._platform.data(f"{{ {field} }}"))[field.split()[0].split("(")[0]]["nodes"]
        return nodes


async def _offer(world: World) -> tuple[str, str]:
    """Build reference data, a seller with a package of commissions, and an advert of it. Return carrier and variant."""
    carrier = await world.id_of(
        "shipmentCarrierCreateOrUpdate",
        "shipmentCarrier",
        name="Fast",
        trackingUrl="https://fast.example/{trackingNumber}",
    )
    country = await world.id_of("countryCreateOrUpdate", "country", name="Australia", code="AU")
    assert country
    await world.id_of("taxCodeCreateOrUpdate", "taxCode", code="GST", name="Goods and services tax")
    brand = await world.id_of("brandCreateOrUpdate", "brand", name="Acme")
    kitchen = await world.id_of("taxonCreateOrUpdate", "taxon", displayName="Kitchen")
    kettles = await world.id_of("taxonCreateOrUpdate", "taxon", displayName="Kettles", parentId=kitchen)
    colour = await world.id_of("optionTypeCreateOrUpdate", "optionType", name="Colour", fieldType="SINGLE_SELECT")
    red = await world.id_of("optionValueCreateOrUpdate", "optionValue", optionTypeId=colour, name="Red")
    await world.id_of(
        "commissionPackageCreate", "commissionPackage", attributes={"name": "All", "rate": "0.2", "default": True}
    )
    package = await world.id_of(
        "commissionPackageCreate",
        "commissionPackage",
        attributes={"name": "Ten", "rate": "0.1", "appliesToPostage": True},
    )
    seller = await world.id_of(
        "sellerCreate",
        "seller",
        attributes={"businessName": "Pots", "emailAddress": "a@pots.example", "commissionPackageId": package},
    )
    advert = await world.make(
        "advertUpsert",
        "advert { variants { nodes { id } } }",
        sellerId=seller,
        attributes={
            "title": "Kettle",
            "brandId": brand,
            "taxonId": kettles,
            "taxCode": "GST",
            "variants": [
                {
                    "label": "Red",
                    "price": "25.00",
                    "variantOptionValues": [{"optionTypeId": colour, "optionValueId": red}],
                }
            ],
        },
    )
    variant = advert["variants"]["nodes"][0]["id"]
    await world.make("stockAdjust", "variants { countOnHand }", adjustments=[{"variantId": variant, "difference": 9}])
    return carrier, variant


async def _sell(world: World, carrier: str, variant: str) -> tuple[str, str]:
    """Sell four kettles for 100.00 and 10.00 of postage, and send them. Return invoice and line item."""
    order = await world.make(
        "orderCreate",
        "order { id invoices { nodes { id lineItems { id } } } }",
        order={"status": "NEW", "firstName": "Grace", "address": ADDRESS},
        lineItems=[{"variantId": variant, "quantity": 4, "postageCents": 1000}],
    )
    (invoice,) = order["invoices"]["nodes"]
    assert await world.list("remittances { nodes { id } }") == []
    await world.make(
        "orderUpdate",
        "order { status }",
        orderId=order["id"],
        status="COMPLETE",
        paymentEvents=[{"amountCents": 11000, "successful": True, "transactionId": "tx-1"}],
    )
    (item,) = invoice["lineItems"]
    await world.make(
        "shipmentCreate",
        "shipment { id }",
        invoiceId=invoice["id"],
        postageCarrierId=carrier,
        trackingNumber="T-1",
        dispatchedAt=str(datetime.now(UTC).date()),
        shippedItems=[{"lineItemId": item["id"], "quantity": 4}],
    )
    return invoice["id"], item["id"]


async def test_a_world_is_built_by_the_api_alone(platform: Platform, receiver: Receiver) -> None:
    world = World(platform)
    created = await platform.create_webhook(receiver.url(), QUERY)
    assert created["errors"] is None

    carrier, variant = await _offer(world)
    invoice, item = await _sell(world, carrier, variant)
    line = {"lineItemId": item, "quantity": 1, "status": "AWAITING_RETURN", "dispatched": True}
    request = await world.id_of(
        "refundRequestCreate", "refundRequest", invoiceId=invoice, lineItems=[line], notes=NOTES
    )
    await world.id_of("refundRequestReturn", "refundRequest", refundRequestId=request, notes=NOTES)
    await world.id_of("refundRequestRefund", "refundRequest", refundRequestId=request, notes=NOTES)
    waiting = await world.list("remittances(released: false) { nodes { id amountCents commissionAmountCents } }")
    await world.make("remittancesRelease", "remittances { released }", remittanceIds=[one["id"] for one in waiting])
    (advice,) = await world.list("remittanceAdvices { nodes { id totalCents remittances { id } } }")
    paid = await world.make(
        "remittanceAdviceUpdate",
        "remittanceAdvice { totalPaidCents attachments { url } }",
        id=advice["id"],
        paidAt="2026-11-27T05:00:00Z",
        paymentReference="P-1",
        attachments=[{"sourceUrl": "https://bank.example/receipt.png"}],
    )

    # 110.00 with 10 % of goods and postage, less 25.00 with its 10 %.
    assert [(one["amountCents"], one["commissionAmountCents"]) for one in waiting] == [(9900, 1100), (-2250, -250)]
    assert paid == {"totalPaidCents": 7650, "attachments": [{"url": "https://bank.example/receipt.png"}]}
    assert advice["totalCents"] + 1100 - 250 == 11000 - 2500
    body = await receiver.wait_for(lambda one: "REMITTED" in one.data["node"]["statusFlags"])
    assert body[-1].data["node"] == {
        "legacyId": 1,
        "statusFlags": ["PAID", "SENT", "REMITTED"],
        "totalCents": 11000,
        "totalIncludingAdjustmentsCents": 8500,
        "commissionAmountCents": 1100,
        "remittedAt": "2026-11-27T05:00:00+00:00",
        "seller": {"businessName": "Pots"},
        "shippingAddress": {"country": {"name": "Australia", "code": "AU"}},
        "lineItems": [{"brandName": "Acme", "quantity": 4, "commissionRate": "0.1", "commissionAmountCents": 1000}],
        "shipments": [{"carrier": "Fast", "trackingLink": "https://fast.example/T-1"}],
        "amendments": [{"totalCents": -2500, "remittanceCents": -2250, "commissionAmountTotalCents": -250}],
        "refundRequests": [{"status": "REFUNDED"}],
    }
    for field in ("brands", "taxons", "optionTypes", "countries", "shipmentCarriers", "commissionPackages", "sellers"):
        assert len(await world.list(f"{field} {{ nodes {{ id }} }}")) >= 1, field
    assert (await platform.data("{ taxCodes { code } }"))["taxCodes"] == [{"code": "GST"}]
