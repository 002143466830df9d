"""Who is signed in: sessions, their cookies and their routes."""
