"""Changes of what was ordered: more of it, less of it, other prices, and paying what that costs."""
