"""The shop's team: job titles, who fills them, what people are to be trained in (row 120)."""
