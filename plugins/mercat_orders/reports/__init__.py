"""What was sold, and what became of carts."""
