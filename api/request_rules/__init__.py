"""What a request may say: known names, free spelling, lengths, and warnings of what is ignored."""
