"""Speaking HTTP politely, to anyone."""
