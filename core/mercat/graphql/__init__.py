"""The merged GraphQL schema and its endpoint."""
