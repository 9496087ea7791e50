//! Mail protocols as state machines without I/O: bytes and time go in, actions come out. Whoever drives them owns the sockets.
