//! Runs and plans that did not happen, for the tests of the dossier.
