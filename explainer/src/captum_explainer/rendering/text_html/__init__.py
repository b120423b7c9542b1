"""Words as HTML, coloured by how much they count."""
