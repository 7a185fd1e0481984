"""What is taken off, of what, and when: the rules, and what they come to for a cart."""
