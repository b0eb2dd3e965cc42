//! The live driver: real sockets, one shard per core.
