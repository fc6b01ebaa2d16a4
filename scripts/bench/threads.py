"""Creates the rows of a sheet as such scripts usually do: a thread pool, and a requests session for each thread.

threads.py URL KEY CONCURRENCY SHEET RESULTS
"""

import csv
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests

local = threading.local()


def session():
    if not hasattr(local, "session"):
        local.session = requests.Session()
        local.session.trust_env = False
        local.session.headers["X-API-KEY"] = key
    return local.session


def payload(row):
    emails = [email.strip() for email in row["allowed_emails"].split(";")]
    return {
        "type": row["type"],
        "label": row["label"],
        "description": row["description"],
        "share_with_org": row["share_with_org"] == "yes",
        "config": {"allowed_emails": emails},
    }


def create(row):
    answer = session().post(url, json=payload(row), timeout=30)
    if answer.ok:
        return {**row, "connector_id": answer.json()["connector_id"], "error": ""}
    return {**row, "connector_id": "", "error": answer.text[:200]}


url, key, concurrency, sheet, results = sys.argv[1:]
with open(sheet, newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
with ThreadPoolExecutor(int(concurrency)) as pool, open(results, "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, [*rows[0], "connector_id", "error"])
    writer.writeheader()
    writer.writerows(pool.map(create, rows))
