"""Change capture: triggers record each change of an entity, whoever makes it; queries read what they recorded."""
