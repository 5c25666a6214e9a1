"""Recipes about the catalogue, sellers and the webhooks themselves."""

from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.webhook_queries.recipes.recipe import WebhookRecipe

CATALOGUE = (
    WebhookRecipe(
        name="stock-and-price",
        title="Stock and price of variants",
        description="Each change of a variant's stock or price, for a shop front.",
        type=WebhookKlass.VARIANT,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Variant {
      sku
      countOnHand
      infiniteQuantity
      buyable
      lowestPriceCents
      advert { ... on Advert { title published } }
    }
  }
}
""",
    ),
    WebhookRecipe(
        name="back-in-stock",
        title="Sold out and back in stock",
        description="When a variant can't be bought any more, and when it can be bought again. The number in stock is"
        " not in the payload, so that its other changes give an equal result, which is skipped.",
        type=WebhookKlass.VARIANT,
        query_string="query($id: ID!) { node(id: $id) { ... on Variant { sku buyable } } }\n",
        triggers=["buyable"],
    ),
    WebhookRecipe(
        name="low-stock",
        title="Variants that run out",
        description="Each change of the stock of a variant of which fewer than five are left, for a purchaser.",
        type=WebhookKlass.VARIANT,
        query_string="""\
query($id: ID!) {
  node(id: $id) { ... on Variant { sku label countOnHand infiniteQuantity advert { ... on Advert { title } } } }
}
""",
        event_names=[WebhookEventName.UPDATE],
        triggers=["countOnHand", "infiniteQuantity"],
        filter="!data.node.infiniteQuantity && data.node.countOnHand < 5",
    ),
    WebhookRecipe(
        name="price-changes",
        title="Price changes",
        description="Each change of what a variant costs. The body's `previous` has the old price.",
        type=WebhookKlass.VARIANT,
        query_string="query($id: ID!) { node(id: $id) { ... on Variant { sku label lowestPriceCents } } }\n",
        triggers=["lowestPriceCents"],
        include_previous=True,
    ),
    WebhookRecipe(
        name="adverts-for-a-search",
        title="Adverts for a search index",
        description="Each change of an advert that a search shows. `displayable` is false when a search should drop"
        " it.",
        type=WebhookKlass.ADVERT,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Advert {
      id
      title
      description
      displayable
      lowestPrice
      brand { name }
      taxon { displayName }
      displayImage { url }
      variants(first: 100) { nodes { sku label barcode } }
    }
  }
}
""",
    ),
    WebhookRecipe(
        name="category-tree",
        title="The tree of categories",
        description="Each category with its place in the tree, for a shop's navigation. A new name is told for each"
        " category below it, too.",
        type=WebhookKlass.TAXON,
        query_string="query($id: ID!) { node(id: $id) { ... on Taxon { treeName urlSlug parent { id } } } }\n",
    ),
    WebhookRecipe(
        name="options",
        title="Options",
        description="Each option type with its values, such as size and colour, for a form in which products are made.",
        type=WebhookKlass.OPTION_TYPE,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on OptionType { name displayName fieldType optionValues(first: 500) { nodes { id displayName position } } }
  }
}
""",
    ),
    WebhookRecipe(
        name="option-values",
        title="Option values",
        description="Each value that can be chosen for an option, for a list of translations.",
        type=WebhookKlass.OPTION_VALUE,
        query_string="""\
query($id: ID!) {
  node(id: $id) { ... on OptionValue { name displayName optionType { name } } }
}
""",
    ),
    WebhookRecipe(
        name="seller-details",
        title="Details of sellers",
        description="New sellers, and changes of their names, addresses and whether they are online.",
        type=WebhookKlass.SELLER,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Seller {
      legacyId
      businessName
      emailAddress
      phone
      online
      address { address city postcode country { name } }
    }
  }
}
""",
    ),
    WebhookRecipe(
        name="commissions",
        title="Commission packages",
        description="Each package with its rate and the sellers that it was given to, for contracts.",
        type=WebhookKlass.COMMISSION_PACKAGE,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on CommissionPackage { name rate appliesToPostage default sellers(first: 500) { nodes { legacyId } } }
  }
}
""",
        is_operators_only=True,
    ),
    WebhookRecipe(
        name="operational-alerts",
        title="Alerts about webhooks",
        description="When a webhook fails, is disabled or works again, for a chat or a pager. Give it an endpoint on"
        " another host than the webhooks that it watches.",
        type=WebhookKlass.OPERATIONAL_EVENT,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on OperationalEvent {
      kind
      reason
      occurredAt
      webhook { legacyId url description health }
    }
  }
}
""",
        event_names=[WebhookEventName.CREATE],
        filter="data.node.kind != 'EXHAUSTED'",
    ),
)
