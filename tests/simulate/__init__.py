"""The real engine under a seeded scheduler and virtual time, between a source and a destination that fail, lie and are worked on."""
