"""What a run looks like, from its stored records only.

summary.py, labels.py, scores.py   each stage in numbers; terminal.py prints them
audit.py, agreement.py             the judge's health; how far people agree with it (agreeing.py counts)
coverage.py, change.py             what each principle did, how much a text changed
versus.py                          two principles files on the same prompts
observed.py                        observations that estimates come from
findings/                          all that a report tells; figures/ its plots and tables; page/ the HTML file
"""
