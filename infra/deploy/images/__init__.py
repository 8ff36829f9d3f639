"""Container images built on this machine, for where no image registry is reached: see README.md.

`names` holds the official images and the names of ours; `python -m infra.deploy.images` builds ours.
"""
