"""How many of each variant there are, who holds them, and what became of them."""
