"""Trains, evaluates and exports the reasoner of the bundle `tessera-mini`."""
