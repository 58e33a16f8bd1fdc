"""The browser's page: what the commands answer, on the user's own machine."""
