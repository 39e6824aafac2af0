"""The shell: the command `shuke`, the one-box process and the demo. The only code that imports several services."""
