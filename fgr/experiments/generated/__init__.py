"""What generated birds and faces show: how hard they are, what is mixed up with what, and what few pixels hide."""
