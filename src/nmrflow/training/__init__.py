"""How networks are trained: one module, stages, callbacks."""
