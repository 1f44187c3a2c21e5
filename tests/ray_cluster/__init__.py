"""Runs on a real Ray of this machine: equal to those of one process, whatever the cluster loses."""
