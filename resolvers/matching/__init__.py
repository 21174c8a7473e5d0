"""Matching: which records without a shared key are one product, how sure that is, and why.

Pure: records in, scored pairs with their evidence out; no database, no clock, no chance. In reading order:

- :mod:`words`, :mod:`quantities`, :mod:`colours` read a text; :mod:`profile` is what is known of one record by it;
- :mod:`vocabulary` counts how common each word and model number is, and learns the brands;
- :mod:`candidates` finds the few records worth comparing;
- :mod:`wording`, :mod:`model_numbers`, :mod:`comparing` compare two of them; :mod:`comparisons` lists the possible outcomes;
- :mod:`variants`, :mod:`duplicates` learn from each catalogue which words make variants, and whether it lists products once;
- :mod:`weights` learns, without labels, what each outcome of a comparison is worth;
- :mod:`partners` estimates how many records have a partner at all;
- :mod:`competition` turns weights into probabilities, given that records compete for the same partner;
- :mod:`screening` compares a pair no further than it takes to know that nothing can come of it;
- :mod:`verdicts` decides *link*, *review* or *none*; :mod:`evidence` says why;
- :mod:`run` does it all for two catalogues; the change flow has :mod:`resolvers.matching_flow.judging`.
"""
