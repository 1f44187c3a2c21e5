"""Sets of prompts: what is in them, what is in them twice, what evaluations hold too, and more like them.

Everything here reads what `sources.py` and `readers.py` read, and the JSONL that `export` writes. Memory does not grow
with the texts: those lie in temporary files, and less than a hundred bytes a row are held.
"""
