"""Principles files as text: what is written, and what people's edits leave as it was."""
