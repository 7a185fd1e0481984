"""What a cart costs: pure functions over frozen values, one step after another."""
