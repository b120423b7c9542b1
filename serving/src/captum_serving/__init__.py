"""What both servers stand on: the V2 binary wire, errors, the HTTP boundary, and launching under KServe."""
