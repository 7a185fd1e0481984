"""What is done with orders: each change is decided on a copy, and written in one update."""
