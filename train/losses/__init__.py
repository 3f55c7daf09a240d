"""Loss functions: one family a module, named in :data:`train.options.LOSSES`."""
