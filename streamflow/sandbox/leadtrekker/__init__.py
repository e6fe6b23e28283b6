"""A simulated Leadtrekker: seeded accounts, export snapshots, and the server that serves them."""
