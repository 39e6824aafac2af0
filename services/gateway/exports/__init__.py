"""What is held about a member by all services, gathered for them: a file behind a link, once."""
