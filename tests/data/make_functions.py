"""Writes functions.tsv: true values and slopes of the functions of `expr`, by mpmath (pip install mpmath).

A line is the name of a function, the bits of an f32 operand in hexadecimal, and the value and the slope
there, each the nearest f64. Operands lie about zero, subnormal ones too, about roots, poles and the places
where an implementation may change its formula, at the ends of f32's range, and at random exponents.
"""

import random
import struct
from pathlib import Path

from mpmath import mp, mpf, mp as m

mp.dps = 120


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def value(word):
    return struct.unpack("<f", struct.pack("<I", word))[0]


def sigmoid(x):
    return 1 / (1 + m.exp(-x))


def sign(x):
    return mpf((x > 0) - (x < 0))


def langevin(x):
    return m.coth(x) - 1 / x if x else mpf(0)


def langevin_slope(x):
    return 1 / x**2 - m.csch(x) ** 2 if x else mpf(1) / 3


# Values and slopes. A slope of None is not in the table.
EVERYWHERE = {
    "neg": (lambda x: -x, lambda x: mpf(-1)),
    "abs": (abs, sign),
    "square": (lambda x: x * x, lambda x: 2 * x),
    "relu": (lambda x: max(x, mpf(0)), lambda x: mpf(x > 0)),
    # Its slope is no derivative beyond 80, by intent.
    "capped": (lambda x: min(x, mpf(80)), lambda x: mpf(1)),
    "exp": (m.exp, m.exp),
    "expm1": (m.expm1, m.exp),
    "expm1_minus": (lambda x: m.expm1(x) - x, m.expm1),
    "softplus": (lambda x: m.log1p(m.exp(x)) if x < 700 else x + m.exp(-x), sigmoid),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "elu": (lambda x: x if x > 0 else m.expm1(x), lambda x: mpf(1) if x > 0 else m.exp(x)),
    "tanh": (m.tanh, lambda x: m.sech(x) ** 2),
    "ln_sinhc": (lambda x: m.log(m.sinh(x) / x) if x else mpf(0), langevin),
    "langevin": (langevin, langevin_slope),
    "langevin_slope": (langevin_slope, None),
    "sin": (m.sin, m.cos),
    "cos": (m.cos, lambda x: -m.sin(x)),
    "erf": (m.erf, lambda x: 2 / m.sqrt(m.pi) * m.exp(-x * x)),
}
POSITIVE = {
    "sqrt": (m.sqrt, lambda x: 1 / (2 * m.sqrt(x))),
    "ln": (m.log, lambda x: 1 / x),
    "lgamma": (m.loggamma, m.digamma),
    "digamma": (m.digamma, lambda x: m.polygamma(1, x)),
    "trigamma": (lambda x: m.polygamma(1, x), None),
}
# mpmath's own hold for moderate arguments; far out the first terms of the asymptotic series are exact.
FAR = mpf(10) ** 6


def far(x):
    t = 1 / x**2
    return {
        "lgamma": (x - mpf(1) / 2) * m.log(x) - x + m.log(2 * m.pi) / 2 + (1 - t / 30 + t**2 / 105) / (12 * x),
        "digamma": m.log(x) - 1 / (2 * x) - t / 12 * (1 - t / 10 + t**2 / 21),
        "trigamma": 1 / x + t / 2 + t / x * (mpf(1) / 6 - t / 30 + t**2 / 42),
    }


def exact(name, functions, x):
    if name in ("lgamma", "digamma", "trigamma") and x > FAR:
        series = far(x)
        slope = {"lgamma": "digamma", "digamma": "trigamma", "trigamma": None}[name]
        return series[name], series[slope] if slope else None
    # So far out that e^x has more digits than memory.
    value, slope = functions
    if abs(x) > 4000:
        x_far, one = mpf(4000) * sign(x), abs(x)
        if name in ("exp", "expm1", "expm1_minus"):
            high = mpf("inf")
            low = {"exp": mpf(0), "expm1": mpf(-1), "expm1_minus": -1 - x}[name]
            slopes = {"exp": (high, mpf(0)), "expm1": (high, mpf(0)), "expm1_minus": (high, mpf(-1))}[name]
            return (high, slopes[0]) if x > 0 else (low, slopes[1])
        if name in ("softplus", "elu"):
            return (x, mpf(1)) if x > 0 else (mpf(0) if name == "softplus" else mpf(-1), mpf(0))
        if name == "sigmoid":
            return mpf(x > 0), mpf(0)
        if name in ("tanh", "erf"):
            return sign(x), mpf(0)
        if name == "ln_sinhc":
            return one - m.log(2 * one), sign(x) - 1 / x
        if name == "langevin":
            return sign(x) - 1 / x, 1 / x**2
        if name == "langevin_slope":
            return 1 / x**2, None
    return value(x), slope(x) if slope else None


def neighbours(x, reach):
    """The floats about one, by their bits."""
    word = bits(x)
    return [value(word + step) for step in range(-reach, reach + 1) if 0 <= word + step < 0x7F800000]


def operands(rng):
    magnitudes = [0.0, value(1), value(0x7FFFFF), value(0x800000), value(0x7F7FFFFF), 1e-30, 1e-20, 1e-10]
    magnitudes += [1e-6, 1e-3, 0.1, 10.0, 20.0, 88.0, 88.7, 90.0, 104.0, 1e3, 1e6]
    magnitudes += [1e10, 1e20, 1e30, 8.5e37, 3e38]
    for edge in (0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.5, 4.0, 4.5, 1.4616321):
        magnitudes += neighbours(edge, 1)
    for multiple in (1, 2, 5):
        magnitudes += neighbours(float(m.pi / 2 * multiple), 1)
    magnitudes += [value(rng.randrange(0x7F800000)) for _ in range(12)]
    magnitudes += [value(rng.randrange(bits(1e-3), bits(100.0))) for _ in range(16)]
    magnitudes += [rng.uniform(0.0, 8.0) for _ in range(12)]
    return sorted({value(bits(x)) for x in magnitudes})


def text(x):
    if x is None:
        return "-"
    return repr(float(x)) if abs(x) < mpf(10) ** 308 else "inf" if x > 0 else "-inf"


def main():
    rng = random.Random(1)
    magnitudes = operands(rng)
    lines = []

    def line(name, functions, x):
        value, slope = exact(name, functions, mpf(x))
        lines.append(f"{name}\t{bits(x):08x}\t{text(value)}\t{text(slope)}\n")

    for name, functions in EVERYWHERE.items():
        for x in magnitudes:
            for signed in (x, -x):
                line(name, functions, signed)
    for name, functions in POSITIVE.items():
        for x in magnitudes:
            if x > 0:
                line(name, functions, x)
    # Down to the pole at -1.
    ln1p = (m.log1p, lambda x: 1 / (1 + x))
    for x in magnitudes:
        line("ln1p", ln1p, x)
        if x < 1:
            line("ln1p", ln1p, -x)
    for x in (value(bits(1.0) - 1), value(bits(1.0) - 100), 0.999, 0.9, 0.75, 0.6):
        line("ln1p", ln1p, -value(bits(x)))
    Path(__file__).with_name("functions.tsv").write_text("".join(lines))


if __name__ == "__main__":
    main()
