"""A run in a browser: read transcripts and comparisons, review them.

site.py      what a request needs: the run, the token, the index
app.py       the web application: the token, the host, the headers; a table of routes
index.py     what is found quickly: an sqlite file beside the journals
browse.py    pages of rows
review.py    pages that ask people: desk.py what is asked and kept, queue.py in which order, answers.py what each
             reviewer said, sides.py which response is A, forms.py what a form may say, asking.py what is told
             afterwards; following.py a journal that grows
serve.py     the server: its port, its end
html/, static/   templates, and the little JavaScript
"""
