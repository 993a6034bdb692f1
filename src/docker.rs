//! HELPER: Part 2 (this room) is being written by someone else and comes by way of main. Leave this file; deliver Part 1, then report.
