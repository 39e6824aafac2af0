"""Staff: who may sign in, what their roles permit, and the sessions in which they act."""
