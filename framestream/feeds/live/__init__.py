"""Live cameras, which may fail: each is read in a process of its own, watched, and connected again."""
