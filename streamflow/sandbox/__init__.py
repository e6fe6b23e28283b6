"""Simulated platforms: real servers on loopback that import nothing of the product."""
