"""Arrival delays of one carrier in one month, by the time zone of the destination.

One job: read the month's flights, keep the carrier's, group them by where they went, and write
the mean delay of each time zone with a bootstrap confidence interval.
"""

import argparse
import csv
import json
import os
import random
import statistics
import tempfile

RESAMPLES = 400


def time_zones(data):
    with open(os.path.join(data, "airports.csv"), encoding="utf-8") as lines:
        return {row["faa"]: row["tzone"] for row in csv.DictReader(lines)}


# The airports table ends at the border of the fifty states; these four are beyond it.
CARIBBEAN = {"BQN", "PSE", "SJU", "STT"}


def zone_of(airport, zones):
    return "America/Puerto_Rico" if airport in CARIBBEAN else zones[airport]


def delays_by_zone(data, carrier, month):
    zones = time_zones(data)
    found = {}
    with open(os.path.join(data, f"flights-{month:02d}.csv"), encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["carrier"] == carrier and row["arr_delay"] != "NA":
                found.setdefault(zone_of(row["dest"], zones), []).append(float(row["arr_delay"]))
    return found


def interval(values, seed):
    source = random.Random(seed)
    means = sorted(
        statistics.fmean(source.choices(values, k=len(values))) for _unused in range(RESAMPLES)
    )
    return [round(means[int(RESAMPLES * share)], 3) for share in (0.025, 0.975)]


def write(path, content):
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--carrier", required=True)
    parser.add_argument("--month", type=int, required=True)
    parser.add_argument("--out", required=True)
    asked = parser.parse_args()
    found = delays_by_zone(asked.data, asked.carrier, asked.month)
    write(
        asked.out,
        {
            zone: {
                "flights": len(values),
                "mean": round(statistics.fmean(values), 6),
                "interval": interval(values, f"{asked.carrier}-{asked.month}-{zone}"),
            }
            for zone, values in found.items()
        },
    )
    print(f"{asked.carrier} in month {asked.month}: {len(found)} time zones")


if __name__ == "__main__":
    main()
