"""What is asked of each operation: a mutation's input, or the whole document of anything else.

What stands behind a dot is about the same operation in another light; each has a line of its own in
`access.toml`.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from mercat.ids import encode_id, key_of
from tests.couponing import promotion
from tests.identity import PASSWORD
from tests.matrix.world import World


async def _with(made: Awaitable[str], key: str = "id", **more: Any) -> dict[str, Any]:
    found = await made
    return {key: [found] if key == "ids" else found, **more}


async def _written(made: Awaitable[str], document: str) -> str:
    return document.format(await made)


def _user(world: World, shown: str) -> str:
    own = encode_id("User", world.users["customer"]["_id"])
    return f'{{ user(id: "{own}") {{ {shown} }} }}'


async def _variants(
    world: World,
    *,
    create: list[dict[str, Any]] | None = None,
    update: bool = False,
    delete: bool = False,
    order: bool = False,
) -> dict[str, Any]:
    product = await world.product(count=2)
    ids = [variant["id"] for variant in product["variants"]["nodes"]]
    given: dict[str, Any] = {"product": product["id"]}
    if create:
        return {**given, "variants": create}
    if update:
        return {**given, "variants": [{"id": ids[0], "name": "x"}]}
    return {**given, "ids": ids[:1] if delete else ids[::-1] if order else ids}


async def _children(world: World) -> dict[str, Any]:
    parent, child = await world.category(), None
    made = await world.change(
        "categoryCreate", "category { id }", world.boss, name="Child", parent=parent
    )
    child = made["category"]["id"]
    return {"parent": parent, "children": [child]}


async def _merge(world: World) -> dict[str, Any]:
    return {"source": await world.category(), "target": await world.category()}


async def _refunded(world: World) -> dict[str, Any]:
    payment = await world.refunding()
    return {"paymentId": payment, "refundKey": f"refund:{payment}"}


async def _order(world: World, upto: str, names: str, **more: Any) -> dict[str, Any]:
    """What is asked of a new order: `names` are inputs with the ids that go into them."""
    found = await world.order(upto)
    given = dict(pair.split("=") for pair in names.split())
    return {**{name: found[key] for name, key in given.items()}, **more}


async def _members(world: World) -> dict[str, Any]:
    return {"id": await world.customer_group(), "customerIds": [await world.user()]}


async def _applied(world: World) -> dict[str, Any]:
    return {"id": await world.ticket(), "macroId": await world.macro()}


async def _agent(world: World) -> dict[str, Any]:
    given = {"userId": encode_id("User", world.users["support"]["_id"])}
    await world.change("ticketAgentUpdate", "agent { capacity }", world.boss, **given)
    return given


async def _edited(world: World) -> dict[str, Any]:
    found = await world.order("confirmed")
    return {"orderId": found["order"], "lines": [{"lineId": found["line"], "unitPrice": "1"}]}


async def _due(world: World) -> dict[str, Any]:
    found = await world.order("confirmed")
    lines = [{"lineId": found["line"], "unitPrice": "99"}]
    await world.change("orderEdit", "order { id }", world.boss, orderId=found["order"], lines=lines)
    return {"orderId": found["order"], "paymentMethodId": "manual:bank_transfer"}


async def _resumed(world: World) -> dict[str, Any]:
    return {"paymentId": await _payment_of_order(world)}


async def _payment_of_order(world: World) -> str:
    found = await world.order("pending")
    return encode_id("Payment", key_of(found["order"], "Order"))


async def _returned(world: World) -> dict[str, Any]:
    found = await world.order("delivered")
    return {"orderId": found["order"], "lines": [{"lineId": found["line"], "quantity": 1}]}


async def _drafted(world: World) -> dict[str, Any]:
    return {"lines": [{"variantId": await world.priced()}]}


async def _id(world: World, name: str) -> str:
    found: str = (await world.order())[name]
    return found


async def _placed(world: World) -> dict[str, Any]:
    return {"category": await world.category(), "products": [await world.product_id()]}


ANEW = {
    "logout",
    "passwordChange",
    "emailChangeRequest",
    "accountErase",
    "sellerApply",
    "sellerInvitationAccept",
    "mfaEnable",
    "logoutEverywhere",
}
"""Mutations after which who asked isn't who they were; each is asked by somebody new."""

OF_WHO_ASKS = {"sellerClose", "sellerInvitationAccept"}
"""Mutations whose input is made for who asks; what another was refused doesn't do."""

ADDRESS = {
    "name": "Ada",
    "lines": ["Unter den Linden 1"],
    "city": "Berlin",
    "postalCode": "10117",
    "country": "DE",
}
BANDS = [{"prices": [{"amount": "4.90", "currency": "EUR"}]}]
RATES = [{"taxClass": "standard", "rate": "19"}]

Entry = str | dict[str, Any] | Callable[[World], Any]


async def _promotion(world: World) -> str:
    """A new promotion of `seller`'s that needs a code."""
    return await promotion(world.engine, seller=key_of(world.sellers["seller"], "Seller"))


async def _coupon(world: World) -> str:
    given = {"promotionIds": [await _promotion(world)], "sellerId": world.sellers["seller"]}
    made = await world.change("couponCreate", "coupon { id }", world.boss, **given)
    found: str = made["coupon"]["id"]
    return found


async def _codes(world: World) -> str:
    """A batch of one code."""
    given = {"promotionIds": [await _promotion(world)], "sellerId": world.sellers["seller"]}
    made = await world.change("couponCodesGenerate", "batch { id }", world.boss, count=1, **given)
    found: str = made["batch"]["id"]
    return found


async def _opening(world: World, **more: Any) -> dict[str, Any]:
    return {"promotionIds": [await _promotion(world)], **more}


MUTATIONS: dict[str, Entry] = {
    "register": lambda _: {"email": f"{secrets.token_hex(5)}@example.com", "password": PASSWORD},
    "emailVerify": {"token": "x"},
    "login": lambda w: {"email": w.users["support"]["email"], "password": PASSWORD},
    "logout": {},
    "passwordChange": {"currentPassword": PASSWORD, "newPassword": "another long phrase"},
    "passwordResetRequest": {"email": "nobody@example.com"},
    "passwordReset": {"token": "x", "password": "another long phrase"},
    "profileUpdate": {"name": "Ada"},
    "emailChangeRequest": lambda _: {
        "email": f"{secrets.token_hex(5)}@example.com",
        "password": PASSWORD,
    },
    "emailChangeConfirm": {"token": "x"},
    "addressCreate": {"name": "Ada", "lines": ["1 Road"], "city": "Rome", "country": "IT"},
    "addressUpdate": lambda w: _with(w.address(), city="Bonn"),
    "addressDelete": lambda w: _with(w.address()),
    "accountExport": {"password": PASSWORD},
    "accountErase": {"password": PASSWORD},
    "roleCreate": lambda _: {"name": f"R{secrets.token_hex(4).upper()}", "permissions": []},
    "roleUpdate": lambda w: _with(w.role(), "name", description="x"),
    "roleDelete": lambda w: _with(w.role(), "name"),
    "userRolesSet": lambda w: _with(w.user(), "userId", roles=["SUPPORT"]),
    "userSuspend": lambda w: _with(w.user(), "userId"),
    "userRestore": lambda w: _with(w.user(), "userId"),
    "userFactorsReset": lambda w: _with(w.enrolled(), "userId", reason="x"),
    "sellerApply": {"name": "Shoes"},
    "sellerUpdate": lambda w: {"id": w.sellers["seller"], "about": "x"},
    "sellerApprove": lambda w: _with(w.seller("applied")),
    "sellerReject": lambda w: _with(w.seller("applied")),
    "sellerSuspend": lambda w: _with(w.seller("approved")),
    "sellerReinstate": lambda w: _with(w.seller("suspended")),
    "sellerClose": lambda w: _with(w.closable(), "sellerId"),
    "sellerMemberInvite": lambda w: {"id": w.sellers["seller"], "email": "x@example.com"},
    "sellerInvitationAccept": lambda w: _with(w.invitation(), "token"),
    "sellerMemberRemove": lambda w: _with(w.staff(), "userId", id=w.sellers["seller"]),
    "apiKeyCreate": {"account": "ERP", "permissions": []},
    "apiKeyRevoke": lambda w: _with(w.key()),
    "loginConfirm": {"challenge": "x", "code": "123456"},
    "passkeyLoginStart": {},
    "mfaEnable": {"proof": {"password": PASSWORD}},
    "mfaConfirm": {"challenge": "x", "code": "123456"},
    "mfaDisable": {"proof": {"password": PASSWORD}},
    "recoveryCodesRenew": {"proof": {"password": PASSWORD}},
    "passkeyRegisterStart": {"proof": {"password": PASSWORD}},
    "passkeyRegisterFinish": {"challenge": "x", "credential": "{}", "name": "Phone"},
    "passkeyRename": lambda _: {"id": encode_id("Passkey", "x"), "name": "Phone"},
    "passkeyRemove": lambda _: {
        "id": encode_id("Passkey", "x"),
        "proof": {"password": PASSWORD},
    },
    "refreshToken": {"refreshToken": "x"},
    "sessionRevoke": lambda w: _with(w.session()),
    "logoutEverywhere": {},
    "guestIdentityCreate": {},
    "loginWithProvider": {"code": "x", "codeVerifier": "x" * 43},
    "identityLink": {"code": "x", "codeVerifier": "x" * 43},
    "identityUnlink": lambda _: {"id": encode_id("Identity", "x")},
    "mediaUpload": {"alt": "x"},
    "mediaUpdate": lambda w: _with(w.picture(), alt="y"),
    "mediaDelete": lambda w: _with(w.picture()),
    "productCreate": lambda _: {"name": "Boot", "variants": [{"sku": secrets.token_hex(6)}]},
    "productUpdate": lambda w: _with(w.product_id(), name="Shoe"),
    "productArchive": lambda w: _with(w.product_id()),
    "productDelete": lambda w: _with(w.product_id("DRAFT")),
    "productDuplicate": lambda w: _with(w.product_id()),
    "productBulkUpdate": lambda w: _with(w.product_id(), "ids", tagsAdd=["new"]),
    "variantBulkCreate": lambda w: _variants(
        w, create=[{"sku": secrets.token_hex(6), "options": [{"name": "Size", "value": "9"}]}]
    ),
    "variantBulkUpdate": lambda w: _variants(w, update=True),
    "variantBulkDelete": lambda w: _variants(w, delete=True),
    "variantReorder": lambda w: _variants(w, order=True),
    "productTypeCreate": lambda _: {"name": secrets.token_hex(4)},
    "productTypeUpdate": lambda w: _with(w.product_type(), name=secrets.token_hex(4)),
    "productTypeDelete": lambda w: _with(w.product_type()),
    "stockAdjust": lambda w: _with(w.variant_id(), "variantId", reason="RECEIVED", delta=1),
    "stockPolicyUpdate": lambda w: _with(w.stocked(), "variantId", lowAt=1),
    "categoryCreate": lambda _: {"name": secrets.token_hex(4)},
    "categoryUpdate": lambda w: _with(w.category(), name=secrets.token_hex(4)),
    "categoryMove": lambda w: _with(w.category(), parent=None),
    "categoryReorder": _children,
    "categoryMerge": _merge,
    "categoryDelete": lambda w: _with(w.category()),
    "categoryProductsAdd": _placed,
    "categoryProductsRemove": _placed,
    "cartCreate": {"country": "DE"},
    "cartLinesAdd": lambda w: _with(w.cart(), "cartId", lines=[]),
    "cartLinesUpdate": lambda w: _with(w.cart(), "cartId", lines=[]),
    "cartLinesRemove": lambda w: _with(w.cart(), "cartId", lineIds=[]),
    "cartClear": lambda w: _with(w.cart(), "cartId"),
    "cartMarketSet": lambda w: _with(w.cart(), "cartId", country="DE"),
    "cartBuyerSet": lambda w: _with(w.cart(), "cartId", email="ada@example.com"),
    "cartAddressSet": lambda w: _with(w.cart(), "cartId", shippingAddress=ADDRESS),
    "cartShippingSelect": lambda w: _with(w.cart(), "cartId", selections=[]),
    "cartCouponApply": lambda w: w.coded_cart(has_code=False),
    "cartCouponRemove": lambda w: w.coded_cart(has_code=True),
    "cartGiftCardApply": lambda w: w.cart_with_gift_card(is_in=False),
    "cartGiftCardRemove": lambda w: w.cart_with_gift_card(is_in=True),
    "cartPaymentSelect": lambda w: _with(w.cart(), "cartId", paymentMethodId="x"),
    "checkoutComplete": lambda w: w.whole_cart(),
    "checkoutComplete.theirs": lambda w: _with(
        w.cart(), "cartId", maximumTotal={"amount": "1"}, acceptsTerms=True
    ),
    "draftOrderCreate": _drafted,
    "draftOrderComplete": lambda w: _with(w.draft(), "cartId"),
    "draftOrderDelete": lambda w: _with(w.draft(), "cartId"),
    "orderConfirm": lambda w: _order(w, "pending", "orderId=order"),
    "orderFulfil": lambda w: _order(w, "confirmed", "sellerOrderId=part"),
    "fulfilmentUpdate": lambda w: _order(w, "fulfilled", "id=parcel", delivered=True),
    "orderComplete": lambda w: _order(w, "delivered", "orderId=order"),
    "orderCancel": lambda w: _order(w, "confirmed", "orderId=order"),
    "orderEdit": _edited,
    "paymentStart": _due,
    "orderCancel.part": lambda w: _order(w, "confirmed", "sellerOrderId=part"),
    "orderNoteAdd": lambda w: _order(w, "confirmed", "orderId=order", text="x"),
    "orderNoteAdd.part": lambda w: _order(w, "confirmed", "sellerOrderId=part", text="x"),
    "refundCreate": lambda w: _order(w, "confirmed", "orderId=order", amount={"amount": "1"}),
    "orderReturnRequest": _returned,
    "returnApprove": lambda w: _order(w, "requested", "id=return"),
    "returnReceive": lambda w: _order(w, "returning", "id=return"),
    "returnRefuse": lambda w: _order(w, "returning", "id=return", reason="x"),
    "returnRefund": lambda w: _order(w, "received", "id=return"),
    "shippingMethodCreate": {"name": "Post", "bands": BANDS},
    "shippingMethodUpdate": lambda w: _with(w.shipping_method(), name="Bike"),
    "shippingMethodDelete": lambda w: _with(w.shipping_method()),
    "taxZoneCreate": {"rates": RATES},
    "taxZoneUpdate": lambda w: _with(w.tax_zone(), label="GST"),
    "taxZoneDelete": lambda w: _with(w.tax_zone()),
    "paymentResume": _resumed,
    "savedMethodCreate": {"paymentMethodId": "manual:x", "idempotencyKey": "x"},
    "savedMethodDelete": {"id": encode_id("SavedPaymentMethod", "manual:x")},
    "paymentCapture": lambda w: _with(w.payment(), "paymentId", idempotencyKey="x"),
    "paymentVoid": lambda w: _with(w.payment(), "paymentId"),
    "paymentMarkPaid": lambda w: _with(w.payment(), "paymentId", idempotencyKey="x"),
    "paymentMarkRefunded": _refunded,
    "notificationRetry": lambda w: _with(w.notification(), "notificationId"),
    "notificationChoose": lambda _: {"kind": "orders.cart_abandoned", "isWanted": True},
    "payoutRun": lambda _: {"idempotencyKey": secrets.token_hex(8)},
    "payoutMarkPaid": lambda w: _with(w.payout(), "payoutId"),
    "payoutMarkFailed": lambda w: _with(w.payout(), "payoutId"),
    "payoutAdjust": lambda w: {
        "sellerId": w.sellers["seller"],
        "amount": "1",
        "currency": "EUR",
        "reason": "x",
        "idempotencyKey": secrets.token_hex(8),
    },
    "payoutAccountUpdate": lambda w: {
        "sellerId": w.sellers["seller"],
        "accountHolder": "Ada",
        "iban": "DE89370400440532013000",
    },
    "payoutOnboard": lambda w: {"sellerId": w.sellers["seller"]},
    "promotionCreate": {"name": "Ten", "benefit": {"percentage": {"percentage": "10"}}},
    "promotionUpdate": lambda w: _with(w.promotion(), name="Eleven"),
    "promotionUpdate.shop": lambda w: _with(w.promotion(seller=False), name="Eleven"),
    "promotionArchive": lambda w: _with(w.promotion()),
    "ticketOpen": {"subject": "Help", "text": "Please", "idempotencyKey": "k"},
    "ticketOpen.guest": {"subject": "Help", "text": "Please", "email": "gus@guest.example"},
    "ticketReply": lambda w: _with(w.ticket(), text="Hello"),
    "ticketNoteAdd": lambda w: _with(w.ticket(), text="Hello"),
    "ticketAssign": lambda w: _with(w.ticket(), assigneeId=None),
    "ticketTransition": lambda w: _with(w.ticket(), state="SOLVED"),
    "ticketUpdate": lambda w: _with(w.ticket(), priority="HIGH"),
    "ticketMerge": lambda w: w.two_tickets(),
    "ticketRate": lambda w: _with(w.ticket("SOLVED"), rating=5),
    "ticketSplit": lambda w: _with(w.ticket(), numbers=[1], subject="Other"),
    "ticketBulkUpdate": lambda w: _with(w.ticket(), "ids", priority="HIGH"),
    "ticketMacroCreate": lambda _: {"name": secrets.token_hex(8), "text": "Hello"},
    "ticketMacroUpdate": lambda w: _with(w.macro(), text="Goodbye"),
    "ticketMacroDelete": lambda w: _with(w.macro()),
    "ticketMacroApply": _applied,
    "ticketViewSave": lambda _: {"name": secrets.token_hex(8), "filter": {"tag": "x"}},
    "ticketViewDelete": lambda w: _with(w.view()),
    "webhookEndpointCreate": {"url": "https://erp.example/hook", "events": ["*"]},
    "webhookEndpointUpdate": lambda w: _with(w.webhook(), description="ERP"),
    "webhookEndpointDelete": lambda w: _with(w.webhook()),
    "webhookEndpointSecretRotate": lambda w: _with(w.webhook()),
    "webhookEndpointTest": lambda w: _with(w.webhook()),
    "webhookEndpointReplay": lambda w: _with(w.webhook()),
    "webhookDeliveryReplay": lambda w: _with(w.webhook_delivery()),
    "ticketAgentUpdate": lambda w: {
        "userId": encode_id("User", w.users["support"]["_id"]),
        "skills": ["refunds"],
    },
    "ticketAgentRemove": _agent,
    "giftCardIssue": lambda _: {
        "amount": {"amount": "5", "currency": "EUR"},
        "idempotencyKey": secrets.token_hex(8),
    },
    "giftCardUpdate": lambda w: _with(w.gift_card(), note="Contest"),
    "giftCardDisable": lambda w: _with(w.gift_card()),
    "giftCardEnable": lambda w: _with(w.gift_card()),
    "giftCardAdjust": lambda w: _with(
        w.gift_card(),
        amount={"amount": "1", "currency": "EUR"},
        reason="Sorry",
        idempotencyKey=secrets.token_hex(8),
    ),
    "customerGroupCreate": lambda _: {"key": secrets.token_hex(8), "name": "Friends"},
    "customerGroupUpdate": lambda w: _with(w.customer_group(), name="Family"),
    "customerGroupDelete": lambda w: _with(w.customer_group()),
    "customerGroupMembersAdd": _members,
    "customerGroupMembersRemove": _members,
    "couponCreate": _opening,
    "couponUpdate": lambda w: _with(_coupon(w), usageLimit=1),
    "couponArchive": lambda w: _with(_coupon(w)),
    "couponCodesGenerate": lambda w: _opening(w, count=1),
}
QUERIES: dict[str, Entry] = {
    "node": lambda w: f'{{ node(id: "{w.sellers["seller"]}") {{ id }} }}',
    "nodes": lambda w: f'{{ nodes(ids: ["{w.sellers["seller"]}"]) {{ id }} }}',
    "shop": "{ shop { name } }",
    "shop.plugins": "{ shop { plugins { name } } }",
    "viewer": "{ viewer { role permissions } }",
    "viewer.user": "{ viewer { user { id } } }",
    "permissions": "{ permissions { name } }",
    "roles": "{ roles { name } }",
    "user": lambda w: _user(w, "id"),
    "user.addresses": lambda w: _user(w, "addresses { id }"),
    "user.sessions": lambda w: _user(w, "sessions { id }"),
    "users": "{ users(first: 1) { nodes { id } } }",
    "seller": lambda w: f'{{ seller(id: "{w.sellers["seller"]}") {{ id }} }}',
    "seller.staff": lambda w: f'{{ seller(id: "{w.sellers["seller"]}") {{ staff {{ rank }} }} }}',
    "seller.applied": lambda w: _written(w.seller("applied"), '{{ seller(id: "{}") {{ id }} }}'),
    "sellers": "{ sellers(first: 1) { nodes { id } } }",
    "auditLog": "{ auditLog(first: 1) { nodes { id } } }",
    "apiKeys": "{ apiKeys(first: 1) { nodes { id } } }",
    "identityProviders": "{ identityProviders { name } }",
    "media": "{ media(first: 1) { nodes { id } } }",
    "product": lambda w: _written(w.product_id(), '{{ product(id: "{}") {{ id }} }}'),
    "product.draft": lambda w: _written(w.product_id("DRAFT"), '{{ product(id: "{}") {{ id }} }}'),
    "product.privateMetadata": lambda w: _written(
        w.product_id(), '{{ product(id: "{}") {{ privateMetadata {{ key }} }} }}'
    ),
    "variant": lambda w: _written(w.variant_id(), '{{ variant(id: "{}") {{ id }} }}'),
    "variant.draft": lambda w: _written(w.variant_id("DRAFT"), '{{ variant(id: "{}") {{ id }} }}'),
    "variant.stock": lambda w: _written(
        w.stocked(), '{{ variant(id: "{}") {{ stock {{ onHand }} }} }}'
    ),
    "products": "{ products(first: 1) { nodes { id } } }",
    "products.statuses": "{ products(first: 1, filter: {statuses: [DRAFT]}) { nodes { id } } }",
    "productSearch": '{ productSearch(query: "x", first: 1) { nodes { id } } }',
    "productSuggestions": '{ productSuggestions(prefix: "x") { text } }',
    "productTypes": "{ productTypes(first: 1) { nodes { id } } }",
    "stockReport": "{ stockReport(first: 1) { nodes { onHand } } }",
    "category": lambda w: _written(w.category(), '{{ category(id: "{}") {{ id }} }}'),
    "categories": "{ categories(first: 1) { nodes { id } } }",
    "categoryTree": "{ categoryTree { id } }",
    "allCategories": "{ allCategories { id } }",
    "cart": lambda w: _written(w.cart(), '{{ cart(id: "{}") {{ id }} }}'),
    "couponValidate": lambda w: _written(
        w.cart(), '{{ couponValidate(code: "x", cartId: "{}") {{ isValid }} }}'
    ),
    "giftCardBalance": '{ giftCardBalance(code: "x") { lastCharacters } }',
    "cart.buyer": lambda w: _written(w.cart(), '{{ cart(id: "{}") {{ buyer {{ email }} }} }}'),
    "order": lambda w: _written(_id(w, "order"), '{{ order(id: "{}") {{ id }} }}'),
    "order.buyer": lambda w: _written(
        _id(w, "order"), '{{ order(id: "{}") {{ buyer {{ email }} }} }}'
    ),
    "orders": "{ orders(first: 1) { nodes { id } } }",
    "sellerOrders": "{ sellerOrders(first: 1) { nodes { id } } }",
    "draftOrders": "{ draftOrders(first: 1) { nodes { note } } }",
    "salesReport": (
        '{ salesReport(input: { from: "2026-01-01", to: "2026-01-02" }) { __typename } }'
    ),
    "conversionReport": (
        '{ conversionReport(input: { from: "2026-01-01", to: "2026-01-02" }) { __typename } }'
    ),
    "shippingMethods": "{ shippingMethods { id } }",
    "taxZones": "{ taxZones { id } }",
    "payments": "{ payments(first: 1) { nodes { id } } }",
    "savedPaymentMethods": "{ savedPaymentMethods { id } }",
    "notifications": "{ notifications(first: 1) { nodes { id } } }",
    "notificationChoices": "{ notificationChoices { kind } }",
    "payouts": "{ payouts(first: 1) { nodes { id } } }",
    "promotions": "{ promotions(first: 1) { nodes { id } } }",
    "promotion": lambda w: _written(w.promotion(), '{{ promotion(id: "{}") {{ id }} }}'),
    "promotion.shop": lambda w: _written(
        w.promotion(seller=False), '{{ promotion(id: "{}") {{ id }} }}'
    ),
    "giftCards": "{ giftCards(first: 1) { nodes { id } } }",
    "ticket": lambda w: _written(w.ticket(), '{{ ticket(id: "{}") {{ id }} }}'),
    "tickets": "{ tickets(first: 1) { nodes { id } } }",
    "ticketReport": (
        '{ ticketReport(input: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" })'
        " { total { opened } } }"
    ),
    "ticketMacros": "{ ticketMacros { id } }",
    "ticketViews": "{ ticketViews { id } }",
    "webhookEndpoints": "{ webhookEndpoints(first: 1) { nodes { id } } }",
    "webhookEventTypes": "{ webhookEventTypes { name } }",
    "ticketAgents": "{ ticketAgents { capacity } }",
    "tickets.seller": lambda w: (
        f'{{ tickets(first: 1, filter: {{ sellerId: "{w.sellers["seller"]}" }})'
        " { nodes { id } } }"
    ),
    "user.tickets": lambda w: _user(w, "tickets(first: 1) { nodes { id } }"),
    "customerGroups": "{ customerGroups(first: 1) { nodes { id memberCount } } }",
    "seller.payoutBalance": lambda w: (
        f'{{ seller(id: "{w.sellers["seller"]}") {{ payoutBalance {{ __typename }} }} }}'
    ),
    "seller.payoutAccount": lambda w: (
        f'{{ seller(id: "{w.sellers["seller"]}") {{ payoutAccount {{ state }} }} }}'
    ),
    "coupons": "{ coupons(first: 1) { nodes { id } } }",
    "coupon": lambda w: _written(_coupon(w), '{{ coupon(id: "{}") {{ id }} }}'),
    "couponBatches": "{ couponBatches(first: 1) { nodes { id } } }",
    "couponBatch": lambda w: _written(_codes(w), '{{ couponBatch(id: "{}") {{ id }} }}'),
}
NODES: dict[str, Entry] = {
    "User": lambda w: encode_id("User", w.users["customer"]["_id"]),
    "Seller": lambda w: w.sellers["seller"],
    "Seller.applied": lambda w: w.seller("applied"),
    "Seller.suspended": lambda w: w.seller("suspended"),
    "ApiKey": lambda w: w.key(),
    "Media": lambda w: w.picture(),
    "Product": lambda w: w.product_id(),
    "Product.draft": lambda w: w.product_id("DRAFT"),
    "ProductVariant": lambda w: w.variant_id(),
    "ProductVariant.draft": lambda w: w.variant_id("DRAFT"),
    "ProductType": lambda w: w.product_type(),
    "Category": lambda w: w.category(),
    "Cart": lambda w: w.cart(),
    "ShippingMethod": lambda w: w.shipping_method(),
    "ShippingMethod.shop": lambda w: w.shipping_method(seller=False),
    "TaxZone": lambda w: w.tax_zone(),
    "Order": lambda w: _id(w, "order"),
    "SellerOrder": lambda w: _id(w, "part"),
    "Payment": lambda w: w.payment(),
    "Payment.order": _payment_of_order,
    "Payout": lambda w: w.payout(),
    "Promotion": lambda w: w.promotion(),
    "Promotion.shop": lambda w: w.promotion(seller=False),
    "CustomerGroup": lambda w: w.customer_group(),
    "GiftCard": lambda w: w.gift_card(),
    "Ticket": lambda w: w.ticket(),
    "TicketMacro": lambda w: w.macro(),
    "TicketView": lambda w: w.view(),
    "WebhookEndpoint": lambda w: w.webhook(),
    "WebhookDelivery": lambda w: w.webhook_delivery(),
    "Coupon": _coupon,
    "CouponBatch": _codes,
}
SUBSCRIPTIONS: dict[str, Entry] = {
    "orderUpdated": lambda w: _written(
        _id(w, "order"), 'subscription {{ orderUpdated(id: "{}") {{ kind }} }}'
    ),
    "paymentUpdated": lambda w: _written(
        _payment_of_order(w), 'subscription {{ paymentUpdated(id: "{}") {{ state }} }}'
    ),
    "ticketUpdated": lambda w: _written(
        w.ticket(), 'subscription {{ ticketUpdated(id: "{}") {{ kind }} }}'
    ),
    "ticketQueueChanged": "subscription { ticketQueueChanged { isIn } }",
    "ticketQueueChanged.seller": lambda w: (
        f'subscription {{ ticketQueueChanged(filter: {{ sellerId: "{w.sellers["seller"]}" }})'
        " { isIn } }"
    ),
    "sellerOrderPlaced": "subscription { sellerOrderPlaced { id } }",
    "stockChanged": lambda w: _written(
        w.stocked(), 'subscription {{ stockChanged(variantIds: ["{}"]) {{ variant {{ id }} }} }}'
    ),
}
