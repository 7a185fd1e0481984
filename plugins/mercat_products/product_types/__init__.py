"""Product types: which attributes the products of a type have."""
