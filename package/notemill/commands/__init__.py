"""What the command line does, a file for each family of commands; imported when the command is called."""
