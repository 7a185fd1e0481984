"""Invoices and packing slips."""
