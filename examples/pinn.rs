//! Solves differential equations with a network that is asked to obey them: a physics-informed neural network.
//!
//! ```text
//! cargo run --release --example pinn                     both equations; writes runs/pinn/*.svg
//! cargo run --release --example pinn -- --equation oscillator
//! ```
//!
//! The network `u` is a function of time, or of place and time. Its derivatives by its inputs are taken on the tape and recorded, so that the
//! loss, which says how far `u` is from obeying the equation at some points, can be differentiated once more, by the weights.
//!
//! - the oscillator `u″ = -u` with `u(0) = 0` and `u′(0) = 1`, which is `sin t`;
//! - Burgers' equation `u_t + u u_x = ν u_xx` with `ν = 1/20`, whose steep front wanders to the right:
//!   `u = 1 / (1 + exp((x - t/2) / 2ν))`.
//!
//! The networks are off by 5.5e-5 and 2.3e-4 of the solutions' size, after half a minute for both.
//!
//! Raissi, Perdikaris and Karniadakis 2019, 'Physics-informed neural networks'.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ravine::optim::{Lbfgs, OptimError};
use ravine::plot::{Axis, BLUE, COLOURS, ORANGE, Plot, SHADES, shade};
use ravine::prelude::*;
use ravine_examples::{RunFlags, make_folder, start, write_file};

/// Solves differential equations with networks.
#[derive(Parser)]
struct Args {
    /// Which equation to solve.
    #[arg(long, value_enum, default_value_t = Equation::Both)]
    equation: Equation,
    /// Steps of Adam.
    #[arg(long, default_value_t = 2000)]
    steps: usize,
    /// Iterations of L-BFGS after them.
    #[arg(long, default_value_t = 1000)]
    polish: usize,
    #[command(flatten)]
    run: RunFlags,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Equation {
    Oscillator,
    Burgers,
    Both,
}

// --------------------------------------------------------------------------------------------------------- the equations

/// The derivatives of `u` `[points, 1]` by its inputs `[points, n]`, recorded: each point's output depends on its own inputs alone, so the
/// gradient of the sum has them all.
fn derivatives(u: &Var, inputs: &Var) -> Var {
    grad(&u.sum(..), &[inputs], true).remove(0)
}

/// `t + t² N(t)`, which begins at 0 with slope 1 whatever the network `N` is, so that nothing but the equation is left to learn.
fn oscillator(net: &dyn Layer, t: &Var) -> Var {
    t + t.square() * net.forward(t)
}

/// How far the oscillator is from `u″ + u = 0`, squared.
fn oscillator_loss(net: &dyn Layer, t: &Var) -> Var {
    let u = oscillator(net, t);
    let velocity = derivatives(&u, t);
    let acceleration = derivatives(&velocity, t);
    (acceleration + u).square().mean(..)
}

const VISCOSITY: f32 = 0.05;

/// The front at places and times `[points, 2]`.
fn front(xt: &Tensor) -> Tensor {
    let (x, t) = (xt.narrow(1, 0, 1), xt.narrow(1, 1, 1));
    ((t * 0.5 - x) / (2.0 * VISCOSITY)).sigmoid()
}

/// How far the network is from Burgers' equation inside, and from the front at the beginning and at both ends.
fn burgers_loss(net: &dyn Layer, inside: &Var, edge: &Var) -> Var {
    let u = net.forward(inside);
    let slopes = derivatives(&u, inside); // by x and t
    let (u_x, u_t) = (slopes.narrow(1, 0, 1), slopes.narrow(1, 1, 1));
    let u_xx = derivatives(&u_x, inside).narrow(1, 0, 1);
    let inside = u_t + u * u_x - u_xx * VISCOSITY;
    let edge = net.forward(edge) - edge.constant(front(edge.value()));
    inside.square().mean(..) + edge.square().mean(..)
}

// --------------------------------------------------------------------------------------------------------------- solving

/// A smooth function of so many inputs.
fn network(inputs: usize, rng: &mut Rng) -> Sequential {
    sequential![
        Linear::new(inputs, 32, rng),
        Tanh,
        Linear::new(32, 32, rng),
        Tanh,
        Linear::new(32, 32, rng),
        Tanh,
        Linear::new(32, 1, rng)
    ]
}

/// Makes a loss small: Adam finds the valley, L-BFGS its floor.
fn solve(name: &str, net: &dyn Module, args: &Args, loss: impl Fn(&Tape) -> Var) -> Result<f64, OptimError> {
    let showing = Progress::auto().task(name, args.steps.saturating_add(args.polish));
    let mut adam = Optimizer::new(net, Adam::default(), Cosine::new(5e-3, args.steps as u64));
    for _ in 0..args.steps {
        adam.step(loss(&Tape::new()).backward())?;
        showing.advance(1);
    }
    let mut left = f64::from(loss(&Tape::new()).item());
    let (mut lbfgs, part) = (Lbfgs::new(net).iterations(50).tolerance(1e-9, 1e-12), 50);
    for _ in 0..args.polish.div_ceil(part) {
        let outcome = lbfgs.step(|| {
            let loss = loss(&Tape::new());
            (f64::from(loss.item()), loss.backward())
        })?;
        left = outcome.last_loss;
        showing.advance(part);
        if outcome.converged {
            break;
        }
    }
    Ok(left)
}

/// How far `found` is from `exact`, relative to the size of `exact`: `|found - exact| / |exact|`.
fn relative_error(found: &Tensor, exact: &Tensor) -> f64 {
    ((found - exact).norm_squared() / exact.norm_squared()).sqrt()
}

/// The solution of an equation, and its error.
struct Solved {
    name: &'static str,
    residual: f64,
    error: f64,
    pictures: Vec<(&'static str, Plot)>,
}

/// Over a whole period, from 100 points.
fn solve_oscillator(args: &Args) -> Result<Solved, OptimError> {
    const PERIOD: f64 = std::f64::consts::TAU;
    let net = network(1, &mut Rng::new(args.run.seed));
    let points = Tensor::linspace(0.0, PERIOD as f32, 100).reshape([100, 1]);
    let residual =
        solve("oscillator", &net, args, |tape| oscillator_loss(&net, &tape.variable(points.clone())))?;

    let t = Tensor::linspace(0.0, PERIOD as f32, 401).reshape([401, 1]);
    let (found, exact) = (oscillator(&net, &Tape::eval().input(t.clone())).into_value(), t.sin());
    let error = relative_error(&found, &exact);
    let curve = |u: &Tensor| t.iter().zip(u.iter()).map(|(t, u)| (t.into(), u.into())).collect::<Vec<_>>();
    let title = format!("u″ = -u: relative error {error:.1e}");
    let mut plot = Plot::new(&title, Axis::linear("t", 0.0, PERIOD), Axis::linear("u", -1.1, 1.1));
    plot.line("network", BLUE, &curve(&found));
    plot.dashed("sin t", ORANGE, &curve(&exact));
    Ok(Solved { name: "oscillator", residual, error, pictures: vec![("oscillator.svg", plot)] })
}

/// For `x` from -1 to 1 and `t` from 0 to 1, from 2000 random points inside and 300 at the edge.
fn solve_burgers(args: &Args) -> Result<Solved, OptimError> {
    let rng = &mut Rng::new(args.run.seed);
    let net = network(2, rng);
    let at = |points: usize, rng: &mut Rng| {
        let (x, t) =
            (Tensor::uniform([points, 1], -1.0, 1.0, rng), Tensor::uniform([points, 1], 0.0, 1.0, rng));
        Tensor::cat(&[&x, &t], 1)
    };
    let inside = at(2000, rng);
    let (beginning, left, right) = (at(100, rng), at(100, rng), at(100, rng));
    let edge = Tensor::cat(
        &[
            &(beginning * Tensor::from([[1.0, 0.0]])),
            &(left * Tensor::from([[0.0, 1.0]]) - Tensor::from([[1.0, 0.0]])),
            &(right * Tensor::from([[0.0, 1.0]]) + Tensor::from([[1.0, 0.0]])),
        ],
        0,
    );
    let residual = solve("Burgers", &net, args, |tape| {
        burgers_loss(&net, &tape.variable(inside.clone()), &tape.input(edge.clone()))
    })?;

    // Rows of t, from 0 to 1, of x from -1 to 1.
    let (columns, rows) = (201, 101);
    let place = |i: usize| [(i % columns) as f32 / 100.0 - 1.0, (i / columns) as f32 / 100.0];
    let grid = Tensor::from_fn([rows * columns, 2], |i| place(i / 2)[i % 2]);
    let (found, exact) = (net.forward(&Tape::eval().input(grid.clone())).into_value(), front(&grid));
    let error = relative_error(&found, &exact);

    let (x, u) = (Axis::linear("x", -1.0, 1.0), Axis::linear("u", -0.05, 1.1));
    let mut profiles =
        Plot::new(&format!("u_t + u u_x = u_xx / 20: relative error {error:.1e}"), x.clone(), u);
    for (row, colour) in [0, 50, 100].into_iter().zip(COLOURS) {
        let curve = |u: &Tensor| -> Vec<(f64, f64)> {
            let u = u.narrow(0, row * columns, columns);
            u.iter().enumerate().map(|(i, u)| (i as f64 / 100.0 - 1.0, u.into())).collect()
        };
        profiles.line(&format!("network at t = {}", row as f64 / 100.0), colour, &curve(&found));
        profiles.dashed(if row == 100 { "exact" } else { "" }, "#1d2530", &curve(&exact));
    }
    let off = (&found - &exact).abs();
    let most = off.iter().fold(f32::MIN_POSITIVE, f32::max);
    let title = format!("how far the network is off: at most {most:.1e} (pale)");
    let mut map = Plot::new(&title, x, Axis::linear("t", 0.0, 1.0));
    let cells = off.to_vec();
    map.map(
        cells
            .chunks(columns)
            .map(|row| row.iter().map(|&e| shade(&SHADES, (e / most).into())).collect())
            .collect(),
    );
    let pictures = vec![("burgers.svg", profiles), ("burgers_error.svg", map)];
    Ok(Solved { name: "burgers", residual, error, pictures })
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let (folder, pool) = (args.run.folder("pinn"), args.run.pool()?);
    make_folder(&folder)?;
    let mut solved = Vec::new();
    if args.equation != Equation::Burgers {
        solved.push(pool.install(|| solve_oscillator(args))?);
    }
    if args.equation != Equation::Oscillator {
        solved.push(pool.install(|| solve_burgers(args))?);
    }
    for (file, picture) in solved.iter().flat_map(|solved| &solved.pictures) {
        write_file(&folder.join(file), picture.svg())?;
    }
    if args.run.json {
        let mut result = serde_json::json!({ "seconds": begin.elapsed().as_secs_f64() });
        for Solved { name, residual, error, .. } in solved {
            result[name] = serde_json::json!({ "residual": residual, "relative_error": error });
        }
        println!("{result}");
    } else {
        for Solved { name, residual, error, .. } in solved {
            println!("{name}: relative error {error:.1e}, mean squared residual {residual:.1e}");
        }
        println!("{}", folder.display());
    }
    Ok(())
}
