"""Choosing the penalty by rows held out."""
