"""A run in a browser: read transcripts and comparisons, review them.

site.py      what every page needs: the run, the token, who reviews
app.py       the web application: the token, the host, the headers; a table of routes
serve.py     the server: its port, its end; opening a browser
index.py     what is found quickly: an sqlite file beside the journals, and whose it is. schema.py its tables,
             indexing.py keeps it up, entries.py what it takes of a line, marks.py what it knows of a row,
             reviewed_rows.py which rows are reviewed; live.py notices what a run adds, and tells open pages
browse.py    pages of rows: searching.py which ones, rows.py what their journals say, passages.py where the words stand,
             overview.py what is said of the whole run
review.py    pages that ask people: desk.py what is asked, queue.py in which order, item.py what a page asks about,
             answering.py what is kept, answers.py what each reviewer said, sides.py which response is A, forms.py what
             a form may say, asking.py what is told afterwards; following.py a journal that grows
html/, static/   templates, and the little JavaScript
"""
