"""Where one volume shows what another shows: rigid movements, and grids brought together."""
