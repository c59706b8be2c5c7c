#!/usr/bin/env python3
"""Builds lookup tables from the text of doc/schedulers.md alone and compares them with those that weir builds.

    tables.py --tool build/dev/tests/print_table [--seed 1] [--cases 100]

Exit 1 with the first case that differs. Prefers what is obviously right to what is fast.
"""
import argparse
import collections
import fractions
import ipaddress
import math
import random
import subprocess
import sys

WORD = (1 << 64) - 1
PRIMES = [2, 3, 5, 7, 11, 31, 101, 251, 509, 1021, 2039, 4093, 8191]


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def address_hash(address):
    packed = address.packed
    result = mix(len(packed))
    for word in ([packed + b"\0\0\0\0"] if len(packed) == 4 else [packed[:8], packed[8:]]):
        result = mix(result ^ int.from_bytes(word, "big"))
    return result


def quotas(weights, size):
    """By candidate: its share, rounded down, and one more for those whose relative error that mends most."""
    total = sum(weights.values())
    shares = {name: fractions.Fraction(weight * size, total) for name, weight in weights.items()}
    result = {name: math.floor(share) for name, share in shares.items()}

    def gain(name):
        down = (shares[name] - result[name]) / shares[name]
        up = (result[name] + 1 - shares[name]) / shares[name]
        return down - up

    ranked = sorted(weights, key=lambda name: (-gain(name), address_hash(name)))
    for name in ranked[: size - sum(result.values())]:
        result[name] += 1
    return result


def maglev(weights, size):
    total = sum(weights.values())
    order = sorted(weights, key=address_hash)
    quota = quotas(weights, size)
    offset = {name: mix(address_hash(name) + 1 & WORD) % size for name in order}
    skip = {name: 1 + mix(address_hash(name) + 2 & WORD) % (size - 1) for name in order}

    def place(name, step):
        return (offset[name] + step * skip[name]) % size

    # The race: all visits before the end, sorted by time.
    unit = 1 << 40
    visits, reached = [], {}
    for rank, name in enumerate(order):
        now, steps = 0, 0
        while steps < size:
            now += unit // (size - steps)
            if now > 3 * unit // total * weights[name]:
                break
            arrival = now * ((1 << 32) // weights[name]) >> 32
            visits.append((arrival, rank, name, place(name, steps)))
            steps += 1
        reached[name] = steps
    owner, owned = {}, collections.defaultdict(list)
    for _, _, name, entry in sorted(visits):
        if entry not in owner:
            owner[entry] = name
            owned[name].append(entry)

    # The quota: what was won last goes back.
    for name in order:
        for entry in owned[name][quota[name]:]:
            del owner[entry]
        owned[name] = owned[name][: quota[name]]

    # The rest, a step a round.
    while len(owner) < size:
        for name in order:
            if len(owned[name]) < quota[name]:
                entry = place(name, reached[name])
                reached[name] += 1
                if entry not in owner:
                    owner[entry] = name
                    owned[name].append(entry)
    return [owner[entry] for entry in range(size)]


def rendezvous(weights, size):
    names = {name: address_hash(name) for name in weights}

    def score(name, entry):
        below_one = (1 << 64) - mix(names[name] ^ mix(entry))  # 2^64 - u: log1p keeps what log loses near one
        return -math.log1p(-below_one / 2**64) / weights[name]

    return [min(weights, key=lambda name: score(name, entry)) for entry in range(size)]


def turns(weights, size):
    order = sorted(weights, key=address_hash)
    taken = {name: 0 for name in order}
    table = []
    for _ in range(size):
        name = min(order, key=lambda name: ((2 * taken[name] + 1) * 2**31 // weights[name], order.index(name)))
        taken[name] += 1
        table.append(name)
    return table


def random_address(rng):
    if rng.random() < 0.5:
        return ipaddress.IPv4Address(0x0A000000 + rng.randrange(1 << rng.choice([8, 24])))
    return ipaddress.IPv6Address((0x20010DB8 << 96) + rng.randrange(1 << rng.choice([8, 90])))


def random_case(rng):
    kind = rng.choice(["maglev", "maglev", "rendezvous", "rr"])
    size = rng.choice(PRIMES if kind == "maglev" else PRIMES[:9])
    count = rng.choice([1, 2, 3, rng.randrange(1, 12), rng.randrange(1, 120)])
    pick = rng.choice([lambda: 1, lambda: rng.choice([1, 10]), lambda: rng.randrange(1, 1001),
                       lambda: rng.choice([1, rng.randrange(1, 65536)])])
    weights = {}
    while len(weights) < count:
        weights[random_address(rng)] = pick()
    return kind, size, weights


def default_size(rng):
    return "maglev", 65537, {random_address(rng): rng.choice([1, 10]) for _ in range(100)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=100)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    cases = [random_case(rng) for _ in range(options.cases)] + [default_size(rng)]
    lines = [f"{kind} {size} " + " ".join(f"{a}={w}" for a, w in weights.items()) for kind, size, weights in cases]
    run = subprocess.run([options.tool], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = run.stdout.splitlines()
    if len(answers) != len(cases):
        sys.exit(f"{len(cases)} cases, {len(answers)} answers")
    for line, answer, (kind, size, weights) in zip(lines, answers, cases):
        index = {name: i for i, name in enumerate(weights)}
        want = [index[name] for name in {"maglev": maglev, "rendezvous": rendezvous, "rr": turns}[kind](weights, size)]
        got = [int(word) for word in answer.split()]
        if got != want:
            where = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), "length")
            sys.exit(f"seed {options.seed}: differs at {where}\n{line}")
    print(f"{len(cases)} tables equal (seed {options.seed})")


if __name__ == "__main__":
    main()
