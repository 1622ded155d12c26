"""Any reward model as a service: one ASGI application that batches across its clients."""
