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
)
