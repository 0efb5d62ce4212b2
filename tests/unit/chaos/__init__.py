"""Tests of the chaos tests own parts."""
