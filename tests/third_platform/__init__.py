"""A platform that the package does not know: a folder, a spec and a map, registered by a distribution of its own."""
