"""Creates the rows of a sheet with aiohttp: one session, and as many tasks as connections.

tasks.py URL KEY CONCURRENCY SHEET RESULTS
"""

import asyncio
import csv
import sys

import aiohttp


def payload(row):
    emails = [email.strip() for email in row["allowed_emails"].split(";")]
    return {
        "type": row["type"],
        "label": row["label"],
        "description": row["description"],
        "share_with_org": row["share_with_org"] == "yes",
        "config": {"allowed_emails": emails},
    }


async def work(session, url, todo):
    for row in todo:
        async with session.post(url, json=payload(row)) as answer:
            if answer.ok:
                row["connector_id"] = (await answer.json())["connector_id"]
            else:
                row["error"] = (await answer.text())[:200]


async def create_all(url, key, concurrency, rows):
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"X-API-KEY": key}) as session:
        todo = iter(rows)
        await asyncio.gather(*(work(session, url, todo) for _ in range(concurrency)))


def main():
    url, key, concurrency, sheet, results = sys.argv[1:]
    with open(sheet, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [*rows[0], "connector_id", "error"]
    asyncio.run(create_all(url, key, int(concurrency), rows))
    with open(results, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


main()
