"""Card designs and answer keys of other systems, turned into ours."""
