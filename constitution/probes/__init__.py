"""Probes: linear preference models on a frozen model's hidden states, fitted on pairs that people judged.

card.py       what a probe is, and what it was measured at: a record, and as Markdown
files.py      a probe as a safetensors file with its card; shipped ones by name
labelled.py   pairs that people judged, and why others cannot be used
features.py   pooled hidden states, kept on disk for the next fit or the next probe
ridge.py      the linear model, and how sure it may be
crossing.py   folds that share no prompt; the choice of layers and strength; accuracy and calibration
fitting.py    all of that in order
"""
