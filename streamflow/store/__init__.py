"""The ledger: the durable book of what was seen, meant, sent and confirmed."""
