"""The configuration groups, packaged so that an installed nmrflow has them too."""
