"""Pictures of a run's report and view, for the documents: `make screenshots`."""
