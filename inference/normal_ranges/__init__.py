"""What is normal for a measurement of one patient: by the model's card and by the site's file."""
