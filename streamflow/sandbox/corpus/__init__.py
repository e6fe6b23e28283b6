"""Hostile answers by name: what a broken, careless or ill-meaning server may say in the place of the right answer."""
