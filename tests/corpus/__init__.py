"""Every hostile answer of the sandbox's catalogue against every door of the client that reads or writes."""
