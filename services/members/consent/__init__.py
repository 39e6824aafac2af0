"""What members agree to and take back: a ledger to which is only added."""
