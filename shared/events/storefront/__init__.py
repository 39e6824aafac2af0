"""Events about what shoppers do at a storefront."""
