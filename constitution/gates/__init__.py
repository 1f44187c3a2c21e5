"""Quality gates: what is wrong with a response as training data, told by pure functions with a score and a threshold.

seen.py          what a gate looks at: a response, and what it is held against
table.py         every gate by name: its function, what it is about, the thresholds of the shipped sets
sets.py          a set of thresholds: default, strict, none, or a file's
gating.py        a set, and what has to be known of the whole run first
flags.py         what they caught: gates.jsonl, counts and examples

leaks.py         talk about the rewriting, role markers; phrases.py has the patterns, tasks.py what prompts ask for
copying.py       unchanged revisions, copied critiques, echoes of the prompt
loops.py         the same words over and over
boilerplate.py   the same words in many rows
language.py      another language, or script, than the prompt's
sizes.py         empty, cut off, far longer or shorter
declining.py     refusals of harmless prompts
gain.py          what a judge says of a revision

Nothing is deleted by a gate: it flags. Exports leave out what a set flags (`--gates`), and count it.
"""
