"""Reports: data to JSON, HTML and CSV."""
