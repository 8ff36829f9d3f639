"""What became of every row of the source documents: where it lives in the code, which test proves it, does it hold.

The table of rows is data (`rows.toml`). Homes are looked up in the code and tests are found by their marks and run, so
that the answer is counted anew each time.
"""
