"""`make sam-local`: the API as a Lambda function in a container, on PostgreSQL, Valkey and worker of here."""
