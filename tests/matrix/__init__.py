"""What `test_matrix.py` asks, and the shop that it asks."""
