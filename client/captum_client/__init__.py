"""What the commands of the client are built from; each folder imports only from those below it."""
