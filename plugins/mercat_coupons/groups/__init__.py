"""Customers who have something in common."""
