"""Onward's version, said once: the package metadata and the models' producer version are read from here."""

__version__ = "0.1.0"
