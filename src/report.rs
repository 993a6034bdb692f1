//! The report (to come)
