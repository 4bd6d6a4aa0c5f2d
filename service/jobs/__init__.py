"""Where and when heavy work runs: a durable store, plans of bounded chunks, a pool of workers and its driver."""
