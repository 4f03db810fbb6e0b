"""Speed and memory, each beside a peer or the machine's ceiling in the same run. `make bench` runs them all."""
