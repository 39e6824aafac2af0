"""The event language: one file per type, the catalogue of all, the codec. The only business words in `shared`."""
