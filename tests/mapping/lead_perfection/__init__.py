"""What Lead Perfection's records become: record in, drafts out."""
