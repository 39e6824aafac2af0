"""What callers see of people, what they ask to see, and whom they ask to forget."""
