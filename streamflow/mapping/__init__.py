"""What becomes of what: the map document, its proposal, the transforms, identity and companies. Pure; never waits."""
