"""Models of single images: films, ultrasound, photographs, and the frames of a cine."""
