"""`python -m rankmill`, where the command itself is not on the path."""

from rankmill.cli import main

if __name__ == "__main__":
    main()
