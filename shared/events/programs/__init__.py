"""Events about programs and their stores."""
