"""The shell: the command `shuke`, the one box, the demo. Nothing else imports several services."""
