"""Reading files row by row, whatever is in them: what the importers' formats are made of."""
