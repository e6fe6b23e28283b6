"""Reading a source by its API, as a stream's spec says: what to ask next, what an answer means, and the shell that asks."""
