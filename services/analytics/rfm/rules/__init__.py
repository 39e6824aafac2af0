"""The rules of RFM.

segmenting  from the digits of recency and frequency to a segment with a name
"""
