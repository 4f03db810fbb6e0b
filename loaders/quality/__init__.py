"""Gates that stop bad data: Great Expectations on what is staged and on the marts."""
