"""What becomes of limits that nobody named, at limiters as people run them: nginx and HAProxy before the sandbox."""

import concurrent.futures
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

RATE = 20  # requests a second, of each limiter

NGINX = """daemon off; pid {dir}/pid; error_log {dir}/error.log;
events {{ }}
http {{
    access_log off; client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c;
    uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
    limit_req_zone $server_port zone=all:1m rate={rate}r/s; limit_req_status 429;
    upstream box {{ server {box}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ limit_req zone=all {what}; proxy_pass http://box; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""
HAPROXY = """defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend all
    bind 127.0.0.1:{port}
    {what}
    default_backend box
backend box
    server box {box}
"""
SLIDING = """stick-table type integer size 1k expire 60s store http_req_rate(10s)
    http-request track-sc0 int(1)
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {count} }}"""
FIXED = """stick-table type integer size 1k expire 60s store http_req_cnt
    http-request track-sc0 date,div(10)
    http-request deny deny_status 429 if {{ sc_http_req_cnt(0) gt {count} }}"""

LIMITERS = [
    ("nginx `limit_req`, no burst", "nginx", NGINX, ""),
    ("nginx `limit_req`, burst=20", "nginx", NGINX, "burst=20"),
    ("nginx `limit_req`, burst=20 nodelay", "nginx", NGINX, "burst=20 nodelay"),
    ("HAProxy, `http_req_rate(10s)`, sliding", "haproxy", HAPROXY, SLIDING),
    ("HAProxy, `http_req_cnt` by 10 s, fixed", "haproxy", HAPROXY, FIXED),
]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def limiter(program, config, what, box):
    """The limiter before the sandbox at `box`: its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conf"
        what = what.format(count=10 * RATE) if program == "haproxy" else what
        path.write_text(config.format(dir=folder, rate=RATE, box=box.removeprefix("http://"), port=port, what=what))
        words = ["nginx", "-c", path, "-e", Path(folder) / "error.log"] if program == "nginx" else ["haproxy", "-f", path]
        path_env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        process = subprocess.Popen([str(word) for word in words], env=path_env, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def measure(command, environment, sheet, sandbox, entry, rows):
    """The cells of one limiter and length of run."""
    name, program, config, what = entry
    if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
        return [name, "", "", "", f"not there: the package {program} is missing"]
    with sandbox() as box, limiter(program, config, what, box.url) as url, tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "summary.json"
        words = [command, "create", sheet, "-q", "--rate", "none", "-o", Path(folder) / "out.csv", "--summary", told]
        done = subprocess.run([str(word) for word in words], env={**environment, "BIGDATA_API_BASE_URL": url}, check=False)
        summary = json.loads(told.read_text())
    refused = summary["answers"].get("429", 0)
    share = rows / RATE / (summary["duration_ms"] / 1000)
    found = summary["found"]["limit"] if summary["found"] else ""
    ended = "" if done.returncode == 0 else f", exit {done.returncode}"
    return [name, f"{rows / RATE:.0f} s", f"{share:.2f}", f"{100 * refused / (rows + refused):.1f} %", found + ended]


def measure_all(command, environment, sheets, sandbox):
    """All at once: none of them has much to do. `sheets`: of each length of run, its rows."""
    with concurrent.futures.ThreadPoolExecutor(len(LIMITERS) * len(sheets)) as pool:
        jobs = [
            pool.submit(measure, command, environment, sheet, sandbox, entry, rows)
            for entry in LIMITERS
            for rows, sheet in sheets.items()
        ]
        return [job.result() for job in jobs]
