"""Finding products: the index of the shop's own, and what it is asked."""
