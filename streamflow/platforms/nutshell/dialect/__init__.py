"""Nutshell's wire forms, pure: flat fields in, requests out, and back."""
