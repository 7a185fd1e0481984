pytest_plugins = ["mercat.testing.plugin"]
