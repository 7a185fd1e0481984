"""Operations that GraphiQL offers ready to run."""

from mercat.lifecycle import Operation

OPERATIONS = (
    Operation(
        "The category tree",
        """query CategoryTree {
  categoryTree(depth: 2) {
    name
    slug
    children {
      name
      slug
    }
  }
}
""",
    ),
    Operation(
        "A category with its products",
        """query Category($slug: String = "clothing") {
  category(slug: $slug) {
    name
    description
    products(first: 10) {
      nodes {
        name
        categories {
          name
          ancestors {
            name
          }
        }
      }
    }
  }
}
""",
    ),
)
