"""Creating and changing products, over the API."""
