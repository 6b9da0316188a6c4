"""Cases by family; each module mirrors one of onward.ops and holds ``CASES`` only."""
