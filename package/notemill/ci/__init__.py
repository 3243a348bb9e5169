"""What a project needs of a build server: Drone, its forge, and the stack that runs both."""
