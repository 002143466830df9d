"""Who asks, and what each may do: sign-in, keys, the policy of each route, rate limits."""
