"""`python -m infra.cli` is `checkline`."""

from infra.cli import main

if __name__ == "__main__":
    main()
