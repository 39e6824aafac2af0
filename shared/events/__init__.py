"""The event language: a file per type, the catalogue, the codec. `shared` has no other business."""
