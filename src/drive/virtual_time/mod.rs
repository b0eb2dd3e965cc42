//! The virtual driver: a discrete-event clock, the policy's limiter in process, a latency model.
