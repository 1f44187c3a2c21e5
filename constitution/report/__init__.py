"""What a run looks like, from its stored records only."""
