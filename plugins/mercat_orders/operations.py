"""What GraphiQL offers ready to run."""

from mercat.lifecycle import Operation

OPERATIONS = (
    Operation(
        "A new cart",
        """mutation NewCart {
  cartCreate(input: { country: "DE" }) {
    cart {
      id
      totals { subtotal { amount } shipping { amount } tax { amount } total { amount currency } }
      problems { code message }
    }
    userErrors { field code message }
  }
}
""",
    ),
    Operation(
        "Cart",
        """query Cart {
  cart {
    id
    lines {
      id
      name
      quantity
      unitPrice { amount currency }
      onlyAvailable
      priceChangedFrom { amount }
    }
    parcels { options { id name price { amount } } selected { id } }
    totals { total { amount currency } adjustments { kind label amount { amount } } }
    problems { code message }
  }
}
""",
    ),
    Operation(
        "My orders",
        """query MyOrders {
  orders(first: 10) {
    nodes {
      id
      number
      state
      placedAt
      paymentState
      totals { total { amount currency } }
      sellerOrders { state fulfilments { state carrier trackingNumber trackingUrl } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    ),
    Operation(
        "An order, with its secret",
        """query AnOrder {
  order(number: "K7TX-3M9P", secret: "what the confirmation has") {
    number
    state
    lines { name quantity deliveredQuantity totals { total { amount } } }
    shippingAddress { name lines postalCode city country }
    timeline(first: 20) { nodes { at kind role reason cursor } }
  }
}
""",
    ),
    Operation(
        "A seller's orders",
        """query SellersOrders {
  sellerOrders(first: 10, filter: { states: [CONFIRMED] }) {
    nodes {
      id
      number
      shippingName
      shippingAddress { name lines postalCode city country }
      lines { sku name quantity fulfilledQuantity }
      totals { total { amount currency } }
      commission { amount }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    ),
    Operation(
        "Orders of a seller, as they are placed",
        """subscription Placed {
  sellerOrderPlaced {
    cursor
    number
    lines { sku quantity }
  }
}
""",
    ),
)
