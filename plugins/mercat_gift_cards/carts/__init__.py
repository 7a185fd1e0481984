"""Gift cards in carts."""
