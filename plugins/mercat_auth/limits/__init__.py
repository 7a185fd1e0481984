"""How often somebody may try: passwords, codes, links, new accounts."""
