"""Operations that run as jobs: one file each, made of plans over what the floor below can do."""
