"""What was promised for Lead Perfection, seen from outside on one whole migration by API."""
