"""How often promotions were used: claimed with an order, given back when it is not to be."""
