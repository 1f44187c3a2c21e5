"""A run on a Ray cluster: the chains run in workers, and this process alone writes the run.

    crew.py      what a stage is given: opens models on workers, has rows run, closes the pool
    pool.py      Ray: connects, checks what there is, keeps an actor pool of Ray Data busy
    desk.py      where workers report: gives rows out, takes back those of a worker that is lost
    shift.py     a stage's rows as the desk sees them: what is handed out, to whom, what came of it
    worker.py    the class that Ray Data runs in each actor: opens the models once, works until it is sent home
    ledger.py    the journal as a worker's chain sees it: behind a line to the desk
    frames.py    what goes over the line

**Why rows do not travel through Ray Data.** A block comes back when all of it is finished, and a lost actor's
batch is run again from its beginning: calls that were answered and paid for would be lost with it. So the actor pool
(start, spread over nodes, grow, replace what died) is Ray Data's, and rows and calls go over a line of their own: each
finished call is on the driver's disk before the worker's chain goes on, exactly as in one process. A row belongs to the
line it was handed out on; when the line breaks it goes to another worker with all calls that were kept, and whatever
the old one might still say is not heard. So no finished row is lost, and none is written twice.
"""
