"""Worker processes: started with care, and ended with their parent."""
