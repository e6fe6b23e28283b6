"""A simulated Lead Perfection: seeded accounts, report exports, and the server that serves them."""
