"""The independent comparison of source and destination: HTTP and JSON only, no code of the product in it."""
