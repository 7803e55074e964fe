"""How much a centre needs: cores, disks and network for so many cards in so many hours."""
