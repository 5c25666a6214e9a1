"""Payouts: when remittances are due, which a release takes, and what commissions they leave."""

from typing import Any

from schema.entities.global_ids import encode
from tests.builders.variants import create_variant
from tests.support.platform import Platform


async def _buy(api: Platform, **order: Any) -> str:
    variant = await create_variant(api.conn, count_on_hand=5, price_cents=1000)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "commissionRate": 0.1}
    made = await api.mutate("orderCreate", "order { id }", order=order, lineItems=[line])
    return str(made["order"]["id"])


async def _remittances(api: Platform) -> list[Any]:
    rows: list[Any] = (await api.data("{ remittances { nodes { id amountCents released } } }"))["remittances"]["nodes"]
    return rows


async def _release(api: Platform, *ids: str, key: str | None = None) -> Any:
    return await api.mutate("remittancesRelease", "remittances { released }", key=key, remittanceIds=[*ids])


async def test_what_is_released_is_on_an_advice_of_its_seller(api: Platform) -> None:
    for _ in range(2):
        await _buy(api)
    ids = [row["id"] for row in await _remittances(api)]

    made = await _release(api, *reversed(ids))
    advices = await api.data("{ remittanceAdvices { nodes { totalCents totalPaidCents paidAt } } }")

    assert made == {"status": 200, "errors": None, "remittances": [{"released": True}] * 2}
    expected = {"totalCents": 900, "totalPaidCents": None, "paidAt": None}
    assert advices["remittanceAdvices"]["nodes"] == [expected, expected]


async def test_a_release_is_refused_as_a_whole(api: Platform) -> None:
    await _buy(api)
    reviewed = await _buy(api)
    await api.mutate("orderUpdate", "order { id }", orderId=reviewed, status="PENDING_REVIEW")
    first, second = [row["id"] for row in await _remittances(api)]
    seller = await api.seller_key(await api.conn.fetchval("select min(id) from sellers"))

    refused = await _release(api, first, first, second, encode("Remittance", 99))
    by_seller = await _release(api, first, key=seller)
    before = await _remittances(api)
    await _release(api, first)
    again = await _release(api, first)

    assert [(error["field"], error["messages"]) for error in refused["errors"]] == [
        ("remittanceIds.1", ["is given twice"]),
        ("remittanceIds.2", ["the payment of its invoice is under review"]),
        ("remittanceIds.3", ["there is no such remittance"]),
    ]
    assert by_seller["status"] == 403
    assert [row["released"] for row in before] == [False, False]
    assert again["errors"] == [{"field": "remittanceIds.0", "messages": ["has been released"]}]


async def test_a_payment_that_fails_takes_its_remittance_away_unless_it_was_released(api: Platform) -> None:
    failing, released = await _buy(api), await _buy(api)
    await _release(api, (await _remittances(api))[1]["id"])

    answers = []
    for order in (failing, released):
        await api.mutate("orderUpdate", "order { id }", orderId=order, status="PENDING_REVIEW")
        answers.append(await api.mutate("orderUpdate", "order { id }", orderId=order, status="PAYMENT_FAILED"))

    assert [answer["status"] for answer in answers] == [200, 409]
    assert [row["released"] for row in await _remittances(api)] == [True]


async def test_remittances_are_found_by_their_payment_and_seller(api: Platform) -> None:
    for _ in range(3):
        await _buy(api)
    paid, released, waiting = [row["id"] for row in await _remittances(api)]
    await _release(api, paid)
    advice = (await api.data("{ remittanceAdvices { nodes { id } } }"))["remittanceAdvices"]["nodes"][0]["id"]
    given = {"id": advice, "paidAt": "2026-11-27T08:00:00Z"}
    await api.mutate("remittanceAdviceUpdate", "remittanceAdvice { id }", **given)
    await _release(api, released)
    await api.conn.execute("update sellers set business_name = 'Pots' where id = (select max(id) from sellers)")

    found = {}
    for one in (
        "processed: true",
        "processed: false",
        "released: true, processed: false",
        'retailerBusinessNames: ["Pots"]',
    ):
        data = await api.data(f"{{ remittances({one}) {{ nodes {{ id }} }} }}")
        found[one] = [row["id"] for row in data["remittances"]["nodes"]]

    assert [*found.values()] == [[paid], [released, waiting], [released], [waiting]]


async def test_packages_are_ordered_and_paged(api: Platform) -> None:
    for name, rate in (("b", "0.2"), ("C", "0.1"), ("a", "0.2")):
        await api.mutate("commissionPackageCreate", "commissionPackage { id }", attributes={"name": name, "rate": rate})

    ordered = []
    for sort in ("fields: [RATE]", "fields: [RATE, UPDATED_AT], ordering: DESCENDING", ""):
        names: list[str] = []
        after = "null"
        while after:
            page = f"commissionPackages(first: 2, after: {after}, sort: {{{sort}}})"
            found = await api.data(f"{{ {page} {{ nodes {{ name }} pageInfo {{ endCursor hasNextPage }} }} }}")
            names += [row["name"] for row in found["commissionPackages"]["nodes"]]
            info = found["commissionPackages"]["pageInfo"]
            after = f'"{info["endCursor"]}"' if info["hasNextPage"] else ""
        ordered.append("".join(names))

    assert ordered == ["Cba", "abC", "bCa"]


async def test_one_package_is_the_default_and_one_with_sellers_stays(api: Platform) -> None:
    async def make(name: str, **attributes: Any) -> Any:
        given = {"name": name, "rate": "0.2", **attributes}
        return await api.mutate("commissionPackageCreate", "commissionPackage { id }", attributes=given)

    first = (await make("First", default=True))["commissionPackage"]["id"]
    second = (await make("Second", default=True))["commissionPackage"]["id"]
    taken, wrong = await make("First"), await make("Third", rate="20")
    await api.mutate(
        "sellerCreate",
        "seller { id }",
        attributes={"businessName": "Pots", "emailAddress": "a@pots.example", "commissionPackageId": first},
    )
    used = await api.mutate("commissionPackageDelete", "commissionPackage { id }", id=first)
    unused = await api.mutate("commissionPackageDelete", "commissionPackage { id }", id=second)
    left = await api.data("{ commissionPackages { nodes { name rate default sellers { totalCount } } } }")

    assert [(made["status"], made["errors"][0]["field"]) for made in (taken, wrong, used)] == [
        (422, "attributes.name"),
        (422, "attributes.rate"),
        (409, "id"),
    ]
    assert unused["status"] == 200
    expected = {"name": "First", "rate": "0.2", "default": False, "sellers": {"totalCount": 1}}
    assert left["commissionPackages"]["nodes"] == [expected]
