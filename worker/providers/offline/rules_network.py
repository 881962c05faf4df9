"""Failures between this program and another: connections, time limits, names, certificates, upstreams."""

from __future__ import annotations

from core.domain.analysis import Category
from worker.providers.offline.rule import Rule

NETWORK_RULES = (
    Rule(
        category=Category.DNS,
        patterns=(
            r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<host>[\w.-]+)",
            r"could not translate host name \"(?P<host>[^\"]+)\"",
            r"UnknownHostException: (?P<host>[\w.-]+)",
            r"lookup (?P<host>[\w.-]+)(?: on [\w.:]+)?: no such host",
            (
                r"getaddrinfo\(?:? ?(?P<host>[\w.-]+\.\w+)?.{0,60}?(?:Name or service not known|nodename "
                r"nor servname)"
            ),
            r"Could not resolve host:? (?P<host>[\w.-]+)",
            r"Failed to resolve '(?P<host>[\w.-]+)'",
            (
                r"Name or service not known|Temporary failure in name resolution|nodename nor servname"
                r"|ENOTFOUND|EAI_AGAIN|gaierror|No such host is known|NameResolutionError"
                r"|php_network_getaddresses"
            ),
        ),
        cause=(
            "The host name[ {host}][ of {subject}] could not be turned into an address, so no "
            "connection was tried."
        ),
        fix=(
            (
                "Check the spelling of the host name[ {host}] in the settings of the environment that "
                "failed, and that it is set there at all."
            ),
            (
                "Resolve it from the machine or container that failed (getent hosts, nslookup): a private "
                "name only resolves inside its own network."
            ),
            (
                "If it fails now and then only, look at the resolver: its load, its limits, and whether "
                "clients retry."
            ),
        ),
        unknown="Whether the name is wrong or the resolver was unavailable for a while.",
    ),
    Rule(
        category=Category.TLS,
        patterns=(
            r"certificate verify failed: (?P<reason>[\w' ,-]{3,80})",
            r"x509: (?P<reason>certificate [\w ,.-]{3,100})",
            (
                r"(?P<reason>certificate has expired|self[- ]signed certificate(?: in certificate chain)?"
                r"|unable to (?:verify the first certificate|get local issuer certificate)"
                r"|PKIX path building failed|wrong version number|handshake[_ ]failure"
                r"|Hostname/IP does not match certificate's altnames)"
            ),
            (
                r"SSLHandshakeException|SSLCertVerificationError|CERT_HAS_EXPIRED|UNABLE_TO_VERIFY_LEAF"
                r"|DEPTH_ZERO_SELF|ERR_TLS_|tls: |SSLError|AuthenticationException: The remote certificate"
                r"|OpenSSL::SSL"
            ),
        ),
        cause="The encrypted connection[ to {target}] was refused during the TLS handshake[: {reason}].",
        fix=(
            (
                "Look at the certificate that the other side really serves (openssl s_client -connect "
                "host:port -servername host): its dates, its names and its chain."
            ),
            (
                "If it is signed by a private authority, add that authority to the trust store of this "
                "program; do not switch verification off."
            ),
            (
                "A wrong version number usually means that plain HTTP is spoken on the port: check scheme "
                "and port."
            ),
        ),
    ),
    Rule(
        category=Category.CONNECTION_REFUSED,
        patterns=(
            r"ECONNREFUSED (?P<target>[\w.:\[\]-]+:\d{1,5})",
            (
                r"connection to server at \"(?P<host>[^\"]+)\"(?: \([^)]*\))?, port (?P<port>\d+) failed: "
                r"Connection refused"
            ),
            r"dial tcp (?P<target>[\w.:\[\]-]+:\d{1,5}): connect: connection refused",
            r"Connection to (?P<target>[\w.-]+:\d{1,5}) refused",
            r"Error 111 connecting to (?P<target>[\w.-]+:\d{1,5})",
            r"Can't connect to (?:local )?(?:MySQL|MariaDB) server.{0,30}? on '(?P<host>[\w.-]+)",
            (
                r"connection refused|ECONNREFUSED|actively refused"
                r"|ConnectException(?!: Connection timed out)|Errno 111|SQLSTATE\[HY000\] \[2002\]"
                r"|ServerSelectionTimeoutError.{0,200}refused"
            ),
        ),
        cause=(
            "Nothing accepted the connection[ to {subject}][ at {target}]: the machine answered, but "
            "no program listened there, or a firewall turned it away."
        ),
        fix=(
            (
                "Check that {other} is running and listens[ on {target}]; after a restart or deployment, "
                "look in its own log for why it is not up."
            ),
            (
                "Check host and port in the settings: localhost inside a container is the container "
                "itself, not its neighbour."
            ),
            "Let the program wait and retry at start, if it can come up before what it depends on.",
        ),
        unknown="Whether the other side was down or the address is wrong.",
    ),
    Rule(
        category=Category.CONNECTION_LOST,
        patterns=(
            (
                r"ECONNRESET|EPIPE|connection reset|broken pipe|ConnectionResetError|BrokenPipeError"
                r"|socket hang up|server closed the connection unexpectedly|MySQL server has gone away"
                r"|Lost connection to MySQL|RemoteDisconnected|Connection aborted"
                r"|connection (?:was |has been )?(?:unexpectedly )?(?:closed|terminated)"
                r"|ServerDisconnected|terminating connection due to|unexpected EOF|UnexpectedEof"
                r"|write: broken pipe|SSL connection has been closed|IncompleteRead|forcibly closed"
                r"|ECONNABORTED|premature close|Connection not available|Communications link failure"
                r"|RemoteProtocolError"
            ),
        ),
        cause=(
            "A connection[ to {subject}][ at {target}] that was already open was cut by the other "
            "side or by something between."
        ),
        fix=(
            (
                "Look in the log of the other side at this moment: a restart, a crash, a failover or a "
                "limit on idle connections are the usual reasons."
            ),
            (
                "If the connection comes from a pool, let the pool test connections before use and drop "
                "them before the other side's idle limit (pool_pre_ping, maxLifetime, keepalive)."
            ),
            "Retry once on a fresh connection where the operation may safely run twice.",
        ),
        unknown="Which side closed the connection, and why.",
    ),
    Rule(
        category=Category.RATE_LIMIT,
        patterns=(
            r"\b429\b.{0,60}(?:from|for url:?) (?P<target>https?://[^\s'\"]{4,100})",
            (
                r"\b(?:HTTP|status|code|error|response)\D{0,20}429\b|429 (?:Too Many|Client Error)"
                r"|Too Many Requests|rate[ _-]?limit|RateLimit|ThrottlingException|Throttled|Rate exceeded"
                r"|RESOURCE_EXHAUSTED|quota exceeded|SlowDown|TooManyRequests"
            ),
        ),
        cause=("Another service[ ({target})] refused the call because too many were made in a short time."),
        fix=(
            ("Wait as long as the answer's Retry-After header asks before trying again, and add jitter."),
            ("Count the calls by caller: a loop, a retry storm or a missing cache often makes most of them."),
            "If the volume is right, ask for a higher limit or spread the calls through a queue.",
        ),
        unknown="Which limit was reached, and how many calls were made.",
    ),
    Rule(
        category=Category.DEPENDENCY,
        patterns=(
            (
                r"\b(?P<status>50[0234])\b Server Error: .{0,60}? for url: "
                r"(?P<target>https?://[^\s'\"]{4,100})"
            ),
            (
                r"(?:status(?: code)?|HTTP(?:/\d(?:\.\d)?)?|responded with|response:?|returned|server "
                r"error:?)[ :=]{1,3}(?P<status>50[0234])\b"
            ),
            (
                r"\b(?P<status>50[234])\b,? (?:Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway "
                r"Time-?out)"
            ),
            (
                r"Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out"
                r"|upstream (?:connect|request|prematurely)|no healthy upstream"
                r"|circuit ?breaker.{0,20}open|CallNotPermittedException|StatusCode\.UNAVAILABLE"
            ),
        ),
        cause=(
            "A service that this code depends on[ ({target})] answered with a failure of its own[, "
            "status {status}]."
        ),
        fix=(
            (
                "Look at the health and the log of that service[ ({target})] at this moment: the cause is "
                "most likely there."
            ),
            (
                "Retry with a growing pause where the call may safely run twice, and give up before the "
                "caller does."
            ),
            (
                "Decide what your callers get while the other service is down: a cached answer or a clear "
                "503 is better than a 500."
            ),
        ),
        unknown="Why the other service failed: its own log has to tell.",
    ),
    Rule(
        category=Category.TIMEOUT,
        patterns=(
            r"connect ETIMEDOUT (?P<target>[\w.:\[\]-]+:\d{1,5})",
            r"dial tcp (?P<target>[\w.:\[\]-]+:\d{1,5}): i/o timeout",
            r"Connection to (?P<target>[\w.:-]+) timed out",
            (
                r"connect(?:ion)?(?: attempt)? ?(?:timed? ?out|timeout)|connect ETIMEDOUT|ConnectTimeout"
                r"|ConnectionTimeout|timed out (?:while )?(?:trying to )?connect|connect timed out"
                r"|Errno 110"
            ),
        ),
        cause=(
            "A connection to {other} could not be opened within the time limit[ of {limit}][; the "
            "address was {target}]."
        ),
        fix=(
            (
                "From the machine or container that failed, try to connect[ to {target}] by hand (nc -vz "
                "host port): silence points at a firewall, a security group or a wrong address, an answer "
                "at an overload that has passed."
            ),
            (
                "Look at the load and the number of connections of {other} at this moment: a full backlog "
                "looks the same."
            ),
            (
                "Keep the time limit for connecting short (a few seconds) and retry with a pause; a "
                "longer one only makes the callers wait."
            ),
        ),
        unknown="Whether the other side was overloaded, or never reachable from here.",
    ),
    Rule(
        category=Category.TIMEOUT,
        patterns=(
            r"timeout of (?P<limit>\d+ ?ms) exceeded",
            (
                r"(?:timed? ?out|timeout).{0,40}?(?:after|of|=|:|within) ?(?P<limit>\d+(?:\.\d+)? ?(?:ms"
                r"|milliseconds|s|sec|seconds?|minutes?)?)\b"
            ),
            r"request timed out after (?P<limit>\d+ ?ms)",
            (
                r"canceling statement due to statement timeout|context deadline exceeded"
                r"|Client\.Timeout exceeded|Maximum execution time of (?P<limit>\d+ seconds) exceeded"
            ),
            (
                r"time[d]?[ -]?out|ETIMEDOUT|ESOCKETTIMEDOUT|deadline exceeded|DEADLINE_EXCEEDED"
                r"|TimeLimitExceeded|TaskCanceledException|Execution expired"
            ),
        ),
        cause=(
            "An operation[ on {subject}] did not finish within its time limit[ of {limit}][; the "
            "other side was {target}]."
        ),
        fix=(
            (
                "Find out what was slow: look at the load, the slow-query log and the network path of "
                "{other} at this moment."
            ),
            (
                "If the time-out came while connecting, check that the address[ {target}] is reachable "
                "from here: a firewall or security group that drops packets looks just like this."
            ),
            (
                "Only raise the time limit once the normal duration is known; keep it below the caller's "
                "own limit."
            ),
        ),
        unknown="Whether the other side was slow, overloaded or not reachable at all.",
    ),
)
