"""AWS itself: secrets, the buffer of events, answers to CloudFormation.

boto3 is loaded by those who use it, when they do.
"""
