"""Every state in which a power cut may leave the ledger's files, as far as chance finds them."""
