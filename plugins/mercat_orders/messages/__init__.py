"""What people are told of orders and carts."""
