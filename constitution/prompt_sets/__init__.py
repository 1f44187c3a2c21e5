"""Sets of prompts: what is in them, what is in them twice, what evaluations hold too, and more like them.

Everything here reads what `sources.py` and `readers.py` read, and the JSONL that `export` writes. The memory of
`stats`, `dedup` and `decontaminate` does not grow with the texts: those lie in temporary files, and less than a hundred
bytes a row are held. `expand` holds the prompts that it begins from and those that it takes, and compares all of them
anew after each batch of calls: it is made for thousands of rows, not for millions.
"""
