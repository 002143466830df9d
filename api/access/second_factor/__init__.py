"""The second step of a sign-in: authenticator apps, security keys, recovery codes."""
