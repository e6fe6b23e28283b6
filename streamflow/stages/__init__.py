"""Work on batches: no HTTP, no SQL."""
