//! Points in eight clouds.

use std::error::Error;
use std::f32::consts::TAU;
use std::time::Instant;

use ravine::plot::{Axis, BLUE, ORANGE, Plot, SHADES, shade};
use ravine::prelude::*;
use ravine_examples::{make_folder, write_file};

use crate::{Args, Gan, Usual};

const CLOUDS: usize = 8;
/// How far the points of a cloud are from its centre (the standard deviation along each axis).
const SPREAD: f32 = 0.05;

/// The centre of a cloud, on the circle of radius 1.
fn centre(cloud: usize) -> [f32; 2] {
    let (sin, cos) = (TAU * cloud as f32 / CLOUDS as f32).sin_cos();
    [cos, sin]
}

/// Real points `[n, 2]`.
fn clouds(n: usize, rng: &mut Rng) -> Tensor {
    let which = Tensor::uniform([n], 0.0, CLOUDS as f32, rng).to_vec();
    let centres = Tensor::from_fn([n, 2], |i| centre(which[i / 2] as usize % CLOUDS)[i % 2]);
    centres + Tensor::<f32>::randn([n, 2], rng) * SPREAD
}

/// Vectors of `inputs` numbers to vectors of `outputs`.
fn network(inputs: usize, outputs: usize, rng: &mut Rng) -> Sequential {
    sequential![
        Linear::new(inputs, 128, rng),
        Relu,
        Linear::new(128, 128, rng),
        Relu,
        Linear::new(128, 128, rng),
        Relu,
        Linear::new(128, outputs, rng)
    ]
}

/// Trains on points, judges, and draws.
pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let (begin, folder) = (Instant::now(), args.run.folder("gan"));
    make_folder(&folder)?;
    let rng = &mut Rng::new(args.run.seed);
    let gan = Gan { generator: network(8, 2, rng), critic: network(2, 1, rng), latent: 8 };
    let trained = gan.train(args, Usual { steps: 3000, batch_size: 256, lr: 1e-3, penalty: 0.1 }, clouds)?;

    let (real, made) = (clouds(10_000, rng), gan.make(10_000, rng));
    let quality = Quality::of(&made);
    let title = format!(
        "{} of {CLOUDS} clouds, {:.1} % of the points in them",
        quality.covered,
        100.0 * quality.good
    );
    let some = |points: &Tensor| points.narrow(0, 0, 1000);
    let picture = folder.join("clouds.svg");
    write_file(&picture, draw(&gan.critic, &some(&real), &some(&made), &title).svg())?;
    if args.run.json {
        let result = serde_json::json!({
            "clouds_covered": quality.covered,
            "good_points": quality.good,
            "good_real_points": Quality::of(&real).good,
            "seconds": begin.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&gan.generator),
        });
        println!("{result}");
    } else {
        println!("{title}; of real points {:.1} %", 100.0 * Quality::of(&real).good);
        println!("{}", picture.display());
    }
    trained.end()
}

/// How good points are.
struct Quality {
    /// The share within three deviations of a centre; of real points, 98.9 %.
    good: f64,
    /// How many clouds have at least a quarter of their share of the good points.
    covered: usize,
}

impl Quality {
    fn of(points: &Tensor) -> Self {
        let mut counts = [0; CLOUDS];
        for i in 0..points.size(0) {
            let far = |cloud: usize| {
                let [x, y] = centre(cloud);
                (points.at([i, 0]) - x).hypot(points.at([i, 1]) - y)
            };
            if let Some(cloud) = (0..CLOUDS).find(|&cloud| far(cloud) < 3.0 * SPREAD) {
                counts[cloud] += 1;
            }
        }
        let good: usize = counts.iter().sum();
        let covered = counts.iter().filter(|&&count| 4 * CLOUDS * count >= points.size(0)).count();
        Quality { good: good as f64 / points.size(0) as f64, covered }
    }
}

/// Real and made points, over what the critic thinks of each place.
fn draw(critic: &dyn Layer, real: &Tensor, made: &Tensor, title: &str) -> Plot {
    const CELLS: usize = 120;
    const REACH: f64 = 1.5;
    let place = |cell: usize| ((cell as f64 + 0.5) / CELLS as f64 * 2.0 - 1.0) * REACH;
    let grid = Tensor::from_fn([CELLS * CELLS, 2], |i| {
        place(if i % 2 == 0 { i / 2 % CELLS } else { i / 2 / CELLS }) as f32
    });
    let worth = critic.forward(&Tape::eval().input(grid)).into_value().to_vec();
    let (low, high) = worth.iter().fold((f32::MAX, f32::MIN), |(low, high), &w| (low.min(w), high.max(w)));
    let share = |worth: f32| f64::from((worth - low) / (high - low).max(f32::MIN_POSITIVE));
    let mut plot =
        Plot::new(title, Axis::linear("x", -REACH, REACH), Axis::linear("y", -REACH, REACH)).height(480.0);
    plot.map(
        worth.chunks(CELLS).map(|row| row.iter().map(|&w| shade(&SHADES, share(w))).collect()).collect(),
    );
    for (name, colour, points) in [("real", BLUE, real), ("made", ORANGE, made)] {
        let points: Vec<(f64, f64)> =
            (0..points.size(0)).map(|i| (points.at([i, 0]).into(), points.at([i, 1]).into())).collect();
        plot.dots(name, colour, 1.4, &points);
    }
    plot
}
