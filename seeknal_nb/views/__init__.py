"""What is shown of a project: how its nodes stand, what they stored, the drawing. It computes nothing and writes nothing."""
