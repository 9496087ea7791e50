#!/usr/bin/env python3
"""Holds what `abprall process` decided about fresh bounces of the lab against how each case was built.

    verdicts.py PROGRAM DIR      DIR/fresh is what drive.py wrote

The truth is drive.py's: it comes from the construction of the lab, not from reading the bounces."""
import collections, json, subprocess, sys
from pathlib import Path

program, folder = sys.argv[1], Path(sys.argv[2])
fresh, store = folder / "fresh", folder / "store.db"
# What may be the state of the recipient after one message, by the action that is right for the case.
ALLOWED = {
    "suppress-recipient": {"suppressed", "held"},
    "suppress-domain": {"suppressed", "held"},
    "fix-routing": {"held", "ok"},
    "update-address": {"suppressed", "held"},
    "fix-sender-side": {"ok"},
    "throttle-check-reputation": {"ok"},
    "count-soft-retry-later": {"ok"},
    "no-action": {"ok"},
    "ignore-not-a-bounce": {"ok"},
}

def run(*args):
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, args))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout

rows = [json.loads(line) for line in open(fresh / "truth.ndjson")]
rows = [row for row in rows if row["file"]]
if len(rows) < 20:
    sys.exit(f"only {len(rows)} messages came back: is the lab well?")
wrong, right = [], collections.Counter()
for row in rows:
    # A store of its own for each message: the cases share recipients.
    store.unlink(missing_ok=True)
    run("process", fresh / row["file"], "--store", store)
    for recipient in row["recipients"]:
        answer = json.loads(run("check", recipient, "--store", store, "--format", "json").splitlines()[0])
        state = answer["state"]
        allowed = ALLOWED.get(row["right_action"], {"ok", "held", "suppressed"})
        if row["message_kind"] == "delay":
            allowed = {"ok"}
        # "Envelope expired" does not say why: one such report is counted and stops nobody.
        if row["expired_in_queue"]:
            allowed = allowed | {"ok"}
        if state in allowed:
            right[row["mta"]] += 1
        else:
            wrong.append(f"{row['file']}: {recipient} is {state} ({answer.get('reason')}), right action {row['right_action']}")
for mta, count in sorted(right.items()):
    print(f"{mta:12} {count:3} right")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
