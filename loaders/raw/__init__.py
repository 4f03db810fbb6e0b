"""Writers of raw objects, one for each kind of source, and the state that lets them go on."""
