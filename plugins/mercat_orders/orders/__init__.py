"""What was ordered, and what becomes of it."""
