"""What is told of orders as it happens, by subscriptions."""
