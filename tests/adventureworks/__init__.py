"""AdventureWorks, a bicycle maker's real product data, as five systems of four kinds, read through Whence."""
