//! Builds the plugins of this repository into one folder that the agent loads.
