"""The independent judge of both accounts: HTTP and JSON only, no code of the product in it."""
