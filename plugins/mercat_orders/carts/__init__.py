"""Carts: what somebody wants to buy, priced anew at each look."""
