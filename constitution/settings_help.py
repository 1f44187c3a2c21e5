"""One sentence for every setting: the flags' help and the JSON Schema both read it here.

Kept apart from `config.py` so that `--help` does not import pydantic.
"""

HELP = {
    "prompts": "Prompts: a .jsonl, .csv, .tsv, .txt or .parquet file, also gzipped; a dataset folder; a Hub dataset.",
    "column": "Column that holds the prompt; several are joined by a blank line. Default: messages, prompt or chosen.",
    "id_column": "Column that holds the row's id; rows without one get a content hash.",
    "split": "Split of a Hugging Face dataset.",
    "subset": "Subset (configuration) of a Hugging Face dataset.",
    "skip": "Leave out this many rows at the start.",
    "limit": "Read at most this many rows.",
    "principles": "Principles: a shipped name (harmlessness, helpfulness) or a .yaml file.",
    "replacement": "Draw principles with replacement, so that a row may meet one twice.",
    "templates": "Template set: a shipped name (chat, transcript) or a folder.",
    "few_shots": "How many of the set's examples go before each critique and revision. Default: the set's own.",
    "system_prompt": "System prompt of every call, for rows that bring none.",
    "rounds": "Critique-revision rounds per row.",
    "critique": "Criticise before each revision; off is direct revision.",
    "engine": "What runs the model: transformers, or scripted (no model: for dry runs and tests).",
    "model": "smollm2 (bundled), a Hub id, a folder, a .gguf file; for scripted, a rules file.",
    "revision": "Revision of a Hub model: branch, tag or commit.",
    "dtype": "Number format of the weights. auto is bfloat16 where the model was saved in it, else as saved.",
    "device": "cpu, cuda, cuda:1, mps; auto takes the first accelerator.",
    "max_tokens": "Most tokens in one answer.",
    "temperature": "Sampling temperature; 0 is greedy.",
    "top_p": "Nucleus sampling mass; 1 samples from the whole distribution.",
    "seed": "Seed of every draw and every call.",
    "attempts": "How often a call that says nothing is asked again, with another seed, before its row fails.",
    "concurrency": "Rows in flight at once, and the most requests in one batch.",
    "out": "The run's folder.",
}
