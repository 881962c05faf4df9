@echo off
rem Start a worker on Windows, where only the solo pool works: no fork. Arguments go to Celery.
cd /d "%~dp0\.."
if exist .venv\Scripts\activate.bat call .venv\Scripts\activate.bat
if "%QUEUES%"=="" set QUEUES=ai_analysis,metadata_generation
python -m celery -A worker worker --loglevel=info --queues=%QUEUES% --pool=solo %*
