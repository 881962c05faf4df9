"""What Rootnote is measured against."""
