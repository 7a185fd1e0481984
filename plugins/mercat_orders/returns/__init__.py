"""What comes back of orders."""
