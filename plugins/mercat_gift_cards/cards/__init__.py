"""Gift cards, the books of their balances, and how staff looks after them."""
