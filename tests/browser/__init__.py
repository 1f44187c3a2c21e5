"""The report and the view in a real browser: `make test-browser`; `make test` collects nothing here."""
