"""The rules of profiles.

merging     two tellings of one person
masking     what of a value is shown, to whom
"""
