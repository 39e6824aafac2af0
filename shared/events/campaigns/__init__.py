"""Events about campaigns: coupons."""
