"""Tests of onward.tools."""
