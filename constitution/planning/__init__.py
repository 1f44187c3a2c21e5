"""What a run will take, before it begins: some of its rows are run, and the rest is reckoned from them.

drawing.py    which rows the pilot runs
flight.py     how many rows the run has in flight
pilot.py      run them
amounts.py    totals of all rows, from the pilot's and from the lengths of all prompts
speed.py      how long rows take, and how that grows with their number
forecast.py   both together: steps, costs, time, machines
telling.py    the forecast as text
"""
