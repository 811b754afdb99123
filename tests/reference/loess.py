"""Local quadratic regression on one predictor, interpolated over a k-d tree: the definition, slow."""

import numpy as np


def loess(x, y, span=0.3, cell=0.2):
    n = len(x)
    n_near = min(n, int(n * span + 1e-5))
    vertices = vertices_of(np.sort(x), int(n * span * cell))
    fits = [local_fit(x, y, vertex, n_near) for vertex in vertices]
    return np.array([interpolated(vertices, fits, value) for value in x])


def vertices_of(x, largest_cell):
    """Cells are cut at their middle point until they are small; equal x stay together."""
    margin = 0.005 * max(x[-1] - x[0], max(abs(x[0]), abs(x[-1])) * 1e-3 + 1e-30)
    low, high = x[0] - margin, x[-1] + margin
    vertices, cells = [low, high], [(0, len(x), low, high)]
    for begin, end, left, right in cells:  # grows while it is read
        if end - begin <= largest_cell or len(cells) + 2 > max(200, len(x)):
            continue
        middle = place = begin + (end - begin - 1) // 2
        for step in range(2 * len(x)):  # 0, +1, -1, +2, -2, ...
            place = middle + (step + 1) // 2 * (1 if step % 2 else -1)
            if place < begin or place + 1 >= end:
                place = middle
                break
            if x[place] != x[place + 1]:
                break
        cut = x[place]
        if cut not in (left, right):
            vertices.append(cut)
            cells += [(begin, place + 1, left, cut), (place + 1, end, cut, right)]
    return sorted(vertices)


def local_fit(x, y, vertex, n_near):
    """Value and slope of the weighted parabola over the nearest points."""
    distances = np.abs(x - vertex)
    radius = np.sort(distances)[n_near - 1]
    weights = np.where(distances < radius, (1 - (distances / radius) ** 3) ** 3, 0)
    near = weights > 0
    z = (x[near] - vertex) / radius
    design = np.stack([np.ones_like(z), z, z**2], axis=1) * np.sqrt(weights[near])[:, None]
    value, slope, _ = np.linalg.lstsq(design, y[near] * np.sqrt(weights[near]), rcond=None)[0]
    return value, slope / radius


def interpolated(vertices, fits, x):
    """Cubic Hermite polynomial between the vertices around x."""
    right = min(max(1, int(np.searchsorted(vertices, x))), len(vertices) - 1)
    width = vertices[right] - vertices[right - 1]
    h = (x - vertices[right - 1]) / width
    (value_0, slope_0), (value_1, slope_1) = fits[right - 1], fits[right]
    return (
        (1 - h) ** 2 * (1 + 2 * h) * value_0
        + h**2 * (3 - 2 * h) * value_1
        + (h * (1 - h) ** 2 * slope_0 - h**2 * (1 - h) * slope_1) * width
    )
