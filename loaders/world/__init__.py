"""The simulation: fate, contention and telling of a hospital network. It knows neither lake nor contracts."""
