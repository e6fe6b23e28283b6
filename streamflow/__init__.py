"""streamflow moves a CRM account into Nutshell while people keep working."""

__version__ = "0.1.0"
