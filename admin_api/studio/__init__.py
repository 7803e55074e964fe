"""The design studio (卡样编辑): a card design beside its blank sheet, in a local browser page."""
