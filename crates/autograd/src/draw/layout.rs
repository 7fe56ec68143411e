//! A layered layout of a graph: each box below everything that it was computed from, and near it.
//!
//! Sugiyama, Tagawa and Toda 1981: layers by longest paths; long edges cut by invisible points; then, repeatedly, each layer ordered by the
//! means of its neighbours' positions, and its boxes moved to these means as far as they do not touch.

/// How often order and coordinates are improved.
const ROUNDS: usize = 8;
/// The least distance between two boxes of a layer.
const GAP: f64 = 18.0;

pub(super) struct Layout {
    /// The layer of each box.
    pub(super) layer: Vec<usize>,
    /// The centre of each box, from the left.
    pub(super) x: Vec<f64>,
    /// The points of each edge from layer to layer, both ends included: centre and layer.
    pub(super) routes: Vec<Vec<(f64, usize)>>,
    pub(super) width: f64,
    pub(super) layers: usize,
}

/// The layout of `widths.len()` boxes. The edges lead from lower to higher numbers.
pub(super) fn layout(widths: &[f64], edges: &[(usize, usize)]) -> Layout {
    let mut layer = layers(widths.len(), edges);
    let depth = layer.iter().max().map_or(0, |last| last + 1);
    // Points in which long edges cross the layers between.
    let mut widths = widths.to_vec();
    let boxes = widths.len();
    let mut short: Vec<(usize, usize)> = Vec::new();
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for &(from, to) in edges {
        let mut chain = vec![from];
        for between in layer[from] + 1..layer[to] {
            chain.push(widths.len());
            widths.push(0.0);
            layer.push(between);
        }
        chain.push(to);
        short.extend(chain.windows(2).map(|pair| (pair[0], pair[1])));
        chains.push(chain);
    }
    let mut above = vec![Vec::new(); widths.len()];
    let mut below = vec![Vec::new(); widths.len()];
    for &(from, to) in &short {
        below[from].push(to);
        above[to].push(from);
    }
    let mut rows = vec![Vec::new(); depth];
    (0..widths.len()).for_each(|point| rows[layer[point]].push(point));

    let mut x = vec![0.0; widths.len()];
    for row in &rows {
        let wishes: Vec<(f64, usize)> =
            row.iter().enumerate().map(|(i, &point)| (100.0 * i as f64, point)).collect();
        spread(&wishes, &widths, &mut x);
    }
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        for i in 0..depth {
            let row = &rows[if down { i } else { depth - 1 - i }];
            let wish = |&point: &usize| {
                let near: &[usize] = if down { &above[point] } else { &below[point] };
                let sum: f64 = near.iter().map(|&other| x[other]).sum();
                (if near.is_empty() { x[point] } else { sum / near.len() as f64 }, point)
            };
            let mut wishes: Vec<(f64, usize)> = row.iter().map(wish).collect();
            wishes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            spread(&wishes, &widths, &mut x);
        }
    }
    let left = x.iter().zip(&widths).map(|(x, width)| x - width / 2.0).fold(f64::INFINITY, f64::min);
    x.iter_mut().for_each(|x| *x -= left);
    let width = x.iter().zip(&widths).map(|(x, width)| x + width / 2.0).fold(0.0, f64::max);
    let routes =
        chains.iter().map(|chain| chain.iter().map(|&point| (x[point], layer[point])).collect()).collect();
    x.truncate(boxes);
    layer.truncate(boxes);
    Layout { layer, x, routes, width, layers: depth }
}

/// The layer of each box: one below the lowest of its inputs; a box without inputs goes just above the highest that uses it.
fn layers(boxes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; boxes];
    for &(from, to) in edges {
        debug_assert!(from < to);
        layer[to] = layer[to].max(layer[from] + 1);
    }
    let mut inputs = vec![false; boxes];
    let mut highest = vec![usize::MAX; boxes];
    for &(from, to) in edges {
        inputs[to] = true;
        highest[from] = highest[from].min(layer[to]);
    }
    for i in (0..boxes).filter(|&i| !inputs[i] && highest[i] != usize::MAX) {
        layer[i] = highest[i] - 1;
    }
    layer
}

/// Sets the points of a row, in this order, near the positions they wish for, so that they do not touch and their mean error is 0.
fn spread(wishes: &[(f64, usize)], widths: &[f64], x: &mut [f64]) {
    let mut free = f64::NEG_INFINITY;
    let mut error = 0.0;
    for &(wish, point) in wishes {
        let half = widths[point] / 2.0;
        x[point] = wish.max(free + half);
        free = x[point] + half + GAP;
        error += x[point] - wish;
    }
    let shift = error / wishes.len().max(1) as f64;
    wishes.iter().for_each(|&(_, point)| x[point] -= shift);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_lie_below_their_inputs_and_do_not_touch() {
        // A residual block twice, with two parameters each.
        let edges = [
            (0, 3),
            (1, 3),
            (2, 4),
            (3, 4),
            (0, 5),
            (4, 5),
            (5, 8),
            (6, 8),
            (7, 9),
            (8, 9),
            (5, 10),
            (9, 10),
        ];
        let widths: Vec<f64> = (0..11).map(|i| 40.0 + 10.0 * (i % 4) as f64).collect();
        let Layout { layer, x, routes, width, layers } = layout(&widths, &edges);
        assert_eq!(layers, 7);
        assert_eq!(
            (layer[1], layer[2], layer[6], layer[7]),
            (0, 1, 3, 4),
            "a parameter is just above its op"
        );
        for (&(from, to), route) in edges.iter().zip(&routes) {
            assert!(layer[from] < layer[to]);
            assert_eq!(route.len(), layer[to] - layer[from] + 1);
            assert_eq!((route[0], route[route.len() - 1]), ((x[from], layer[from]), (x[to], layer[to])));
        }
        for a in 0..11 {
            assert!(x[a] - widths[a] / 2.0 > -1e-9 && x[a] + widths[a] / 2.0 < width + 1e-9);
            for b in (0..a).filter(|&b| layer[a] == layer[b]) {
                assert!((x[a] - x[b]).abs() >= (widths[a] + widths[b]) / 2.0 + GAP - 1e-9, "{a} and {b}");
            }
        }
    }
}
