"""Shipping methods: in which ways a parcel can go, and for how much."""
