"""Inputs and runs at URLs."""
