"""Who asks, and what each may do: sign-in, keys, the matrix of roles, rate limits."""
