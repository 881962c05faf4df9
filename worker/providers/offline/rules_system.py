"""Failures of what a program runs on: memory, disk, files, rights, settings."""

from __future__ import annotations

from core.domain.analysis import Category
from worker.providers.offline.rule import Rule

SETTING_RULES = (
    Rule(
        category=Category.CONFIGURATION,
        patterns=(
            (
                r"(?:environment variable|env(?:ironment)? var|setting|config(?:uration)?(?: key| value)?) "
                r"['\"`]?(?P<setting>[A-Za-z][\w.:-]{2,60})['\"`]? (?:is |was )?(?:not set|missing"
                r"|required|undefined|not found)"
            ),
            (
                r"(?:missing|unset|required|undefined) (?:required )?(?:environment variable|env var"
                r"|setting|config\w*(?: key)?)[: ]{1,2}['\"`]?(?P<setting>[A-Za-z][\w.:-]{2,60})"
            ),
            (
                r"(?-i:(?P<setting>[A-Z][A-Z0-9]*_[A-Z0-9_]{2,60})) (?:is |was |must be )?(?:not set"
                r"|missing|required|unset|not defined)"
            ),
            r"Could not resolve placeholder '(?P<setting>[^']+)'",
            r"KeyError: (?-i:'(?P<setting>[A-Z][A-Z0-9]*_[A-Z0-9_]+)')",
            (
                r"ImproperlyConfigured|ConfigurationError|ConfigError|ConfigurationException"
                r"|BeanCreationException|NoSuchBeanDefinition|UnsatisfiedDependency"
                r"|Unable to resolve service for type '(?P<setting>[^']+)'|NoCredentialsError"
                r"|NoRegionError|BindingResolutionException|misconfigur|MissingConfig"
            ),
        ),
        cause="A setting that the program needs is missing or wrong[: {setting}].",
        fix=(
            (
                "Compare the settings of this environment with those of one that works[; look for "
                "{setting} first]."
            ),
            (
                "After a deployment, check that the secret or variable reached the process itself, and "
                "not only the shell or the build."
            ),
            (
                "Read and check all settings once at start, so that a missing one stops the release and "
                "not a request."
            ),
        ),
        unknown="Which settings the process really had.",
    ),
)

SYSTEM_RULES = (
    Rule(
        category=Category.OUT_OF_MEMORY,
        patterns=(
            r"Allowed memory size of (?P<size>\d+ bytes) exhausted",
            (
                r"OutOfMemory|heap out of memory|JavaScript heap|MemoryError|Cannot allocate memory|ENOMEM"
                r"|\bOOM\b|NoMemoryError|GC overhead limit|Unable to allocate|runtime: out of memory"
                r"|signal 9 \(SIGKILL\)|SIGKILL|exit code 137"
            ),
        ),
        cause="The process had no memory left[; its limit was {size}].",
        fix=(
            (
                "Look at the memory over the last hours: a slow climb is a leak, a jump is one large "
                "request or file."
            ),
            "For a jump, read and write in pieces (stream, paginate, batch)[; start at {place}].",
            (
                "Compare the runtime's own limit (heap size) with the container's, and raise them "
                "together if the need is real."
            ),
        ),
        unknown="What held the memory: the place that asked last is often not the one that holds most.",
    ),
    Rule(
        category=Category.RESOURCE_EXHAUSTED,
        patterns=(
            (
                r"(?P<reason>ENOSPC|No space left on device|disk (?:is )?full|There is not enough space on "
                r"the disk|DiskFull|Disk quota exceeded|EDQUOT|could not extend file"
                r"|database or disk is full)"
            ),
            (
                r"(?P<reason>Too many open files|EMFILE|ENFILE|unable to create (?:new )?native thread"
                r"|can't start new thread|Resource temporarily unavailable|EAGAIN"
                r"|System limit for number of file watchers)"
            ),
        ),
        cause="The machine or container ran out of something other than memory ({reason}).",
        fix=(
            (
                "For disk space, see what fills it (df -h, df -i, du -x): logs and temporary files are "
                "the usual find; then rotate, delete or enlarge."
            ),
            (
                "For open files or threads, count them over time: a steady rise means that something is "
                "never closed[; start at {place}]."
            ),
            "Set an alarm at 80 %, so that the next time it is seen before it fails.",
        ),
        unknown="What used the resource up.",
    ),
    Rule(
        category=Category.MISSING_FILE,
        patterns=(
            r"ENOENT: no such file or directory, \w+ '(?P<file>[^']+)'",
            r"No such file or directory: b?'(?P<file>[^']+)'",
            r"No such file or directory @ \w+ - (?P<file>\S+)",
            r"(?:open|stat|lstat|read) (?P<file>[^\s:]{1,200}): no such file or directory",
            r"(?:FileNotFoundException|NoSuchFileException): (?P<file>[^\s(]{1,200})",
            r"Could not find (?:file|a part of the path) '(?P<file>[^']+)'",
            r"\((?P<file>[^()\s]{1,200})\): Failed to open stream: No such file",
            r"TemplateDoesNotExist:? ?(?P<file>\S*)|TemplateNotFound:? ?(?P<template>\S*)",
            r"ENOENT|FileNotFound|No such file or directory|NoSuchKey|The specified key does not exist",
        ),
        cause="A file was opened that is not there[: {file}][: {template}].",
        fix=(
            (
                "Check that the file[ {file}] is part of the image or package, and spelled with the same "
                "upper and lower case."
            ),
            (
                "A relative path depends on the directory in which the process starts: build it from the "
                "program's own place or from a setting."
            ),
            (
                "If the program makes the file itself, check that this ran before, on the same machine: "
                "containers lose their files when they restart."
            ),
        ),
        unknown="Whether the file never was there or was removed.",
    ),
    Rule(
        category=Category.AUTHENTICATION,
        patterns=(
            r"password authentication failed for user \"(?P<user>[^\"]+)\"",
            r"Access denied for user '(?P<user>[^']+)'",
            r"Login failed for user '(?P<user>[^']+)'",
            (
                r"NOAUTH|WRONGPASS|invalid username-password pair|SASL authentication failed"
                r"|Authentication failed|AuthenticationError|AuthenticationException|AuthenticationFailed"
                r"|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken|token (?:has |is )?expired"
                r"|jwt expired|Signature (?:has )?expired|invalid_grant"
                r"|invalid (?:api[ -]?key|credentials|token|signature)|Bad credentials|TokenExpired"
                r"|JsonWebTokenError|UnauthorizedException|\b401\b.{0,20}Unauthorized|Incorrect API key"
                r"|UnrecognizedClientException|InvalidSignatureError|InvalidTokenError|UNAUTHENTICATED"
                r"|ORA-01017"
            ),
        ),
        cause="The credentials[ of {user}] were not accepted[ by {subject}].",
        fix=(
            (
                "Check that the password, key or token of this environment is the current one: a rotation "
                "that did not reach every process is the usual cause."
            ),
            (
                "For tokens, check the expiry and the clock of both machines, and fetch a new one before "
                "the old one ends."
            ),
            "If end users' credentials caused it, answer 401: it is no server error.",
        ),
        unknown="Whether the credentials are wrong, expired or were revoked.",
    ),
    Rule(
        category=Category.PERMISSION,
        patterns=(
            r"Permission denied: '(?P<file>[^']+)'|EACCES: permission denied, \w+ '(?P<path>[^']+)'",
            r"permission denied for (?:table|relation|schema|sequence) (?P<table>\w+)",
            r"(?:not authorized to perform:? |denied on )(?P<operation>[\w:]{3,80})",
            r"Access to the path '(?P<file>[^']+)' is denied",
            r"(?:open|mkdir|unlink|rename) (?P<file>[^\s:]{1,200}): permission denied",
            (
                r"\bEACCES|\bEPERM|Permission denied|PermissionError|Access ?Denied|AccessDeniedException"
                r"|AccessControlException|operation not permitted|UnauthorizedAccess|InsufficientPrivilege"
                r"|\b403\b.{0,20}Forbidden|PERMISSION_DENIED|not authorized|ReadOnlyFileSystem"
                r"|Read-only file system|EROFS"
            ),
        ),
        cause=(
            "The program was not allowed to do what it tried[: {operation}][ on {file}][ on {path}][ "
            "on {table}]."
        ),
        fix=(
            ("Find out as whom the program runs (user, role, database user) and what that one may do here."),
            (
                "Grant the one right that is missing[ ({operation})], not more; a container that runs as "
                "non-root needs directories of its own."
            ),
            "If it worked before, look for a changed role, policy, volume or base image.",
        ),
        unknown="As which user or role the program ran.",
    ),
)
