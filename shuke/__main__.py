"""`python -m shuke` is the command `shuke`."""

from shuke.cli import main

main()
