"""Writes Vectors/sampling/hypergeometric.json: the bound of the draw for a grid, computed in whole numbers.

    hypergeometric_grid.py FILE

For each (population, drawn, failures, misses per million) the largest D with P(Hypergeometric(N, D, n) <= x) above
misses / 1,000,000. Small populations are counted exactly with whole numbers, ties included; large ones come from scipy where
its own error is far below the distance to the limit, and else from sums in 60 decimal digits.
"""

import decimal
import json
import random
import sys
from fractions import Fraction
from math import comb, lgamma

from scipy.stats import hypergeom


def exactly(population, drawn, failures, misses):
    """By counting with whole numbers; for populations up to some thousands."""
    if failures == drawn:
        return population
    limit = Fraction(misses, 1_000_000) * comb(population, drawn)

    def possible(bad):
        return sum(comb(bad, k) * comb(population - bad, drawn - k) for k in range(failures + 1)) > limit

    low, high = failures, population - drawn + failures + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def by_scipy(population, drawn, failures, misses):
    """With scipy's distribution function; also how far the two neighbours of the limit are from it, relatively."""
    if failures == drawn:
        return population, 1.0
    limit = misses / 1_000_000
    low, high = failures, population - drawn + failures + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if hypergeom.cdf(failures, population, middle, drawn) > limit else (low, middle)
    near = (abs(hypergeom.cdf(failures, population, D, drawn) / limit - 1) for D in (low, low + 1) if D <= population)
    return low, min(near)


def by_decimals(population, drawn, failures, misses):
    """With sums of ratios of neighbouring probabilities in 60 digits."""
    with decimal.localcontext(prec=60):
        limit = decimal.Decimal(misses) / 1_000_000
        negligible = decimal.Decimal(10) ** -50

        def possible(bad):
            sound = population - bad
            below = term = decimal.Decimal(1)
            for k in range(failures, max(0, drawn - sound), -1):
                term = term * k * (sound - drawn + k) / ((bad - k + 1) * (drawn - k + 1))
                below += term
                if term < below * negligible:
                    break
            above, term = decimal.Decimal(0), decimal.Decimal(1)
            for k in range(failures, min(drawn, bad)):
                term = term * (bad - k) * (drawn - k) / ((k + 1) * (sound - drawn + k + 1))
                above += term
                if term < above * negligible:
                    break
            return below > limit * (below + above) * (1 + negligible * 100)

        near = by_scipy(population, drawn, failures, misses)[0]
        while not possible(near):
            near -= 1
        while near < population - drawn + failures and possible(near + 1):
            near += 1
        return near


def error_of_scipy(population):
    """Its probabilities come from differences of log-gammas, which are as wrong as their size makes them."""
    return 20 * 2**-53 * lgamma(population + 1) + 1e-12


def points(random_points=400, seed=2026):
    """Every small population whole; then powers of ten and random ones."""
    for population in range(0, 13):
        for drawn in range(population + 1):
            for failures in range(drawn + 1):
                yield population, drawn, failures, 50_000
    for misses in (50_000, 10_000, 200_000, 500_000, 1, 123_456):
        for population in (20, 40, 100, 257, 1000):
            for drawn in sorted({1, 2, population // 20, population // 4, population // 2, population * 19 // 20, population - 1}):
                for failures in sorted({0, 1, drawn // 10, drawn // 2, drawn - 1}):
                    if 0 <= failures <= drawn:
                        yield population, drawn, failures, misses
    for exponent in range(4, 9):
        population = 10**exponent
        for drawn in sorted({1, 59, 300, 3000, population // 10, population // 2, population * 19 // 20, population - 1}):
            for failures in sorted({0, 1, 2, 14, min(drawn, 300) // 2, drawn // 1000}):
                if failures <= drawn <= population:
                    yield population, drawn, failures, 50_000
    drawing = random.Random(seed)
    for _ in range(random_points):
        population = int(10 ** drawing.uniform(0, 8))
        drawn = int(10 ** drawing.uniform(0, 8)) % (population + 1)
        failures = min(drawn, int(10 ** drawing.uniform(0, 3)) - 1)
        yield population, drawn, failures, drawing.choice((50_000, 10_000, 100_000))


def answer(point):
    """The bound, and who said so."""
    population = point[0]
    if population <= 1000:
        return exactly(*point), "counted"
    bound, distance = by_scipy(*point)
    if distance > 4 * error_of_scipy(population):
        return bound, "scipy"
    return by_decimals(*point), "decimals"


if __name__ == "__main__":
    rows, seen = [], set()
    for point in points():
        if point in seen:
            continue
        seen.add(point)
        found = answer(point)
        rows.append([*point, found[0], found[1]])
    head = '{"columns":["population","drawn","failures","misses_per_million","bound","by"],'
    with open(sys.argv[1], "w") as file:
        file.write(head + '"rows":[\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]}\n")
