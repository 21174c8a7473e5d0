"""From what a system wrote to a typed value, or to the reason why it cannot be read: numbers, units, clocks, money, notes."""
