"""Operations that GraphiQL offers ready to run."""

from mercat.lifecycle import Operation

OPERATIONS = (
    Operation(
        "Products",
        """query Products {
  products(first: 5) {
    nodes {
      name
      slug
      brand
      featuredMedia {
        url
        alt
      }
      priceRange {
        minimum {
          amount
          currency
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
""",
    ),
    Operation(
        "One product with its variants",
        """query Product($slug: String = "harbour-linen-shirt") {
  product(slug: $slug) {
    name
    description
    options {
      name
      values
    }
    variants {
      nodes {
        sku
        name
        availableForSale
        price(currency: "EUR") {
          price {
            amount
          }
          compareAt {
            amount
          }
        }
      }
    }
  }
}
""",
    ),
)
